/** Debian's mosquitto_pub and mosquitto_sub, as scripts use them. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { startBroker, type WarrenBroker } from '../../src/testkit/start-broker.ts'
import { eventually } from '../support/with-broker.ts'
import { missing } from './debian/programs.ts'

const skip = missing('mosquitto-clients', { program: 'sh', args: ['-c', 'command -v mosquitto_pub'] })
const VERSIONS = ['mqttv31', 'mqttv311', 'mqttv5']

let broker: WarrenBroker
before(async () => {
  broker = await startBroker({ protocols: ['mqtt'] })
})
after(() => broker.stop())

/** Runs one of them to its end. @returns what it printed */
async function run(program: string, args: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(broker.urls.mqtt!)
  const where = ['-h', hostname, '-p', port, '-u', 'guest', '-P', 'guest']
  const child = spawn(program, [...where, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (out += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  assert.equal(code, 0, out)
  return out
}

describe('mosquitto_pub and mosquitto_sub', { skip }, () => {
  for (const version of VERSIONS) {
    for (const qos of ['0', '1', '2']) {
      test(`send a message with QoS ${qos} in ${version}`, async () => {
        const topic = `mosquitto/${version}/${qos}`
        const subscriber = run('mosquitto_sub', ['-V', version, '-q', qos, '-t', topic, '-C', '1', '-F', '%t %q %p'])
        const queue = qos === '0' ? 'qos0' : 'qos1'
        await eventually(() => broker.queues().some(({ name, consumers }) => name.endsWith(queue) && consumers > 0))
        await run('mosquitto_pub', ['-V', version, '-q', qos, '-t', topic, '-m', 'hello'])
        assert.equal((await subscriber).trim(), `${topic} ${qos} hello`)
        await eventually(() => broker.connections().length === 0)
      })
    }

    test(`keep a session and what is retained in ${version}`, async () => {
      const session = ['-V', version, '-i', `stays-${version}`, '-c', '-q', '1', '-t', `kept/${version}`]
      const lasting = version === 'mqttv5' ? [...session, '-x', '1000'] : session
      await run('mosquitto_sub', [...lasting, '-E'])
      await run('mosquitto_pub', ['-V', version, '-q', '1', '-r', '-t', `kept/${version}`, '-m', 'waits'])
      assert.equal(await run('mosquitto_sub', [...lasting, '-C', '1', '-F', '%r %p']), '0 waits\n')
      const fresh = ['-V', version, '-t', 'kept/+', '-C', '1', '-F', '%t %r %p']
      assert.match(await run('mosquitto_sub', fresh), /^kept\/\S+ 1 waits\n$/)
    })
  }
})
