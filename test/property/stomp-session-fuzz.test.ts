/** Whole sessions of hostile STOMP clients against a real server: it answers the next client, makes no mistake of its own, and forgets them. */
import assert from 'node:assert/strict'
import { stompSession } from '../../tools/fuzz/stomp-frames.ts'
import { StompWire } from '../support/stomp-wire.ts'
import { testHostileSessions } from './session-fuzz.ts'
import type { Watched } from './watched-server.ts'

const urlOf = ({ server }: Watched): string => server.urls.stomp[0]!

testHostileSessions({
  flags: ['--protocols', 'amqp,stomp', '--stomp-port', '0', '--web-stomp-port', 'none'],
  units: 'frames',
  portOf: (watched) => Number(new URL(urlOf(watched)).port),
  session: (random) => stompSession(random),
  async greetAfresh(watched) {
    const client = await StompWire.connect(urlOf(watched))
    await client.sendSafely('SUBSCRIBE', { id: 'greeting', destination: '/exchange/amq.headers' })
    await client.send('SEND', { destination: '/exchange/amq.headers' }, 'hello')
    assert.equal((await client.message()).text, 'hello')
    await client.disconnect()
  },
})
