import assert from 'node:assert/strict'
import type { Duplex } from 'node:stream'
import { describe, test } from 'node:test'
import mqtt, { type Packet } from 'mqtt-packet'
import { loadConfig } from '../../src/config/load.ts'
import { setTimestamp } from '../../src/core/interceptors.ts'
import { duplexPair } from '../../src/net/duplex-pair.ts'
import { loadProtocols } from '../../src/spoken-protocols.ts'
import { CoreBench } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'
import { frameBytes } from '../support/stomp-wire.ts'
import { pump } from '../support/pump.ts'

// Publishers are answered when their message is on disk, also where an interceptor has put another one in its place, which is then the one
// that the queues have. The disk does nothing until it is told to.

const PEER = { address: '127.0.0.1', port: 1, localAddress: '127.0.0.1', localPort: 2, tls: null, websocket: false }
/** Rounds of the event loop in which a broker in this process has long answered. */
const ROUNDS = 1000

class Setup {
  readonly #bench: CoreBench
  readonly #peer: Duplex
  #received: Buffer = Buffer.alloc(0)

  private constructor(bench: CoreBench, peer: Duplex) {
    this.#bench = bench
    this.#peer = peer
    peer.on('data', (chunk: Buffer) => (this.#received = Buffer.concat([this.#received, chunk])))
    peer.resume()
  }

  /** A client of a broker that has the durable queue `q`, bound to `amq.topic` with `t`. */
  static async open(
    protocol: 'mqtt' | 'stomp',
    queueArguments: Record<string, string | boolean | number>,
  ): Promise<Setup> {
    const bench = await new CoreBench({}, undefined, new PagingStore()).start()
    const { broker } = bench
    broker.interceptors.push(setTimestamp(true))
    const owner = bench.client()
    owner.declare('q', queueArguments)
    owner.session.topology.bindQueue('q', 'amq.topic', 't', new Map())
    const argv = ['--memory', '--protocols', `amqp,${protocol}`]
    const config = loadConfig({ argv, env: {} })
    const identity = broker.identityOf(broker.users.get('guest')!)
    const ok = { outcome: 'ok', identity } as const
    const logins = { authenticatePassword: () => ok, authenticateName: () => ok, countBroken() {} }
    const [spoken] = await pump(bench, loadProtocols({ config, broker, logins, clock: bench.clock }))
    bench.settle()
    const [here, there] = duplexPair()
    spoken!.frontEnd.accept(there, PEER)
    return new Setup(bench, here)
  }

  send(...pieces: Buffer[]): void {
    this.#peer.write(Buffer.concat(pieces))
  }

  /** Until the broker has said something for which it holds, with nothing written to disk meanwhile. @returns all that it has said */
  async until(isThere: (received: Buffer) => boolean): Promise<Buffer> {
    for (let round = 0; !isThere(this.#received); round++) {
      if (round === ROUNDS) throw new Error(`not there: ${this.#received.toString('latin1')}`)
      this.#bench.turn.end()
      await new Promise((resolve) => setImmediate(resolve))
    }
    return this.#received
  }

  /** Whatever is recorded gets to disk. */
  write(): void {
    this.#bench.settle()
  }
}

function packetsIn(bytes: Buffer): string[] {
  const found: string[] = []
  const parser = mqtt.parser({ protocolVersion: 5 })
  parser.on('packet', ({ cmd }: Packet) => found.push(cmd))
  parser.parse(bytes)
  return found
}

describe('what an interceptor has replaced', () => {
  for (const qos of [1, 2] as const) {
    test(`is on disk before MQTT clients are answered at QoS ${qos}`, async () => {
      const answer = qos === 1 ? 'puback' : 'pubrec'
      const client = await Setup.open('mqtt', {})
      const send = (...packets: Packet[]): void =>
        client.send(...packets.map((packet) => mqtt.generate(packet, { protocolVersion: 5 })))
      const login = { username: 'guest', password: Buffer.from('guest'), clientId: 'c', clean: true, keepalive: 0 }
      send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 5, ...login })
      await client.until((received) => received.length > 0)
      send(
        { cmd: 'publish', topic: 't', payload: 'm', qos, messageId: 1, dup: false, retain: false },
        { cmd: 'pingreq' },
      )
      const meanwhile = await client.until((received) => packetsIn(received).includes('pingresp'))
      assert.deepEqual(packetsIn(meanwhile), ['connack', 'pingresp'])
      client.write()
      const all = await client.until((received) => packetsIn(received).length > 2)
      assert.deepEqual(packetsIn(all), ['connack', 'pingresp', answer])
    })
  }

  test('and that it is a duplicate of is on disk before the receipts of STOMP', async () => {
    const client = await Setup.open('stomp', { 'x-message-deduplication': true, 'x-cache-size': 10 })
    client.send(frameBytes('CONNECT', { 'accept-version': '1.2', host: '/', login: 'guest', passcode: 'guest' }))
    await client.until((received) => received.includes('CONNECTED'))
    const headers = { destination: '/amq/queue/q', persistent: true, 'x-deduplication-header': 'same' }
    client.send(
      frameBytes('SEND', headers, 'm'),
      frameBytes('SEND', { ...headers, receipt: 'r' }, 'm'),
      frameBytes('ACK'),
    )
    // what is wrong with a frame is told at once
    const meanwhile = await client.until((received) => received.includes('ERROR'))
    assert.doesNotMatch(meanwhile.toString(), /RECEIPT/)
    client.write()
    await client.until((received) => received.includes('receipt-id:r'))
  })
})
