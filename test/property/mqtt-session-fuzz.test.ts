/** Whole sessions of hostile MQTT clients against a real server: it answers the next client, makes no mistake of its own, and forgets them. */
import assert from 'node:assert/strict'
import { mqttSession } from '../../tools/fuzz/mqtt-packets.ts'
import { RawClient } from '../crash/mqtt/raw-client.ts'
import { testHostileSessions } from './session-fuzz.ts'
import type { Watched } from './watched-server.ts'

const portOf = ({ server }: Watched): number => Number(new URL(server.urls.mqtt[0]!).port)

testHostileSessions({
  flags: ['--protocols', 'amqp,mqtt', '--mqtt-port', '0', '--web-mqtt-port', 'none'],
  units: 'packets',
  portOf,
  session: mqttSession,
  async greetAfresh(watched) {
    let got = ''
    const client = await RawClient.connect({
      port: portOf(watched),
      state: null,
      version: 5,
      onMessage: ({ payload }) => (got = payload.toString()),
      complain: (text) => watched.mistakes.push(text),
    })
    assert.ok(client !== null, 'a new client is let in')
    assert.ok(await client.subscribe('greeting', 1))
    client.publish({ topic: 'greeting', qos: 1, retain: false, payload: 'hello' }, () => {})
    assert.ok(await client.until(() => got !== ''))
    assert.equal(got, 'hello')
    await client.cut()
  },
})
