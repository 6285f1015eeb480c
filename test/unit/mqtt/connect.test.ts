import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Identity } from '../../../src/core/identity.ts'
import type { Peer } from '../../../src/net/listener.ts'
import { Connecting, type LoggedIn } from '../../../src/protocols/mqtt/connect.ts'
import { MqttError } from '../../../src/protocols/mqtt/errors.ts'
import type { MqttSettings } from '../../../src/protocols/mqtt/settings.ts'
import type { ConnectPacket } from '../../../src/protocols/mqtt/wire/packets.ts'
import { CoreBench } from '../../support/core-bench.ts'

const PEER: Peer = {
  address: '127.0.0.1',
  port: 1,
  localAddress: '127.0.0.1',
  localPort: 1883,
  tls: null,
  websocket: false,
}

/** A client that says what it is asked: twice the challenge. */
async function exchange(answer: string): Promise<{ told: unknown[]; result: LoggedIn | MqttError }> {
  const { broker } = await new CoreBench().start()
  const identity: Identity = broker.identityOf(broker.users.get('guest')!)
  const doubled = {
    name: 'DOUBLE',
    begin: () => ({
      next: (data: Buffer | null) => {
        if (data === null) return { outcome: 'continue' as const, data: Buffer.from('ab') }
        if (data.toString() !== 'abab') return { outcome: 'refused' as const, reason: 'not doubled' }
        return { outcome: 'ok' as const, identity, data: Buffer.from('welcome') }
      },
    }),
  }
  const settings = { broker, vhost: '/', authenticationMethods: new Map([['DOUBLE', doubled]]) }
  const told: unknown[] = []
  let result: LoggedIn | MqttError | null = null
  const host = {
    sendAuth: (reason: number, properties: unknown) => void told.push(reason, properties),
    loggedIn: (loggedIn: LoggedIn) => void (result = loggedIn),
    loggedInAgain: () => assert.fail('nobody asked for it'),
    fail: (error: Error) => void (result = error as MqttError),
  }
  const connecting = new Connecting(host, settings as unknown as MqttSettings, PEER)
  const packet: ConnectPacket = {
    version: 5,
    clean: true,
    keepAlive: 0,
    clientId: 'c',
    will: null,
    username: null,
    password: null,
    properties: { authenticationMethod: 'DOUBLE' },
  }
  connecting.begin(packet)
  const properties = { authenticationMethod: 'DOUBLE', authenticationData: Buffer.from(answer) }
  assert.throws(() => connecting.onAuth({ reason: 0x18, properties: { authenticationMethod: 'OTHER' } }), MqttError)
  connecting.onAuth({ reason: 0x18, properties })
  return { told, result: result! }
}

test('an enhanced authentication goes on until its method is content', async () => {
  const { told, result } = await exchange('abab')
  assert.deepEqual(told, [0x18, { authenticationMethod: 'DOUBLE', authenticationData: Buffer.from('ab') }])
  assert.ok(!(result instanceof MqttError))
  assert.deepEqual(
    [result.identity.name, result.mechanism, result.authenticationData],
    ['guest', 'DOUBLE', Buffer.from('welcome')],
  )
})

test('or has been refused', async () => {
  const { result } = await exchange('abc')
  assert.ok(result instanceof MqttError)
  assert.equal(result.reason, 0x87)
})
