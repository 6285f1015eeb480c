/** Clients that never close their half of the socket, as no vector can say. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { virtualClock } from '../../src/util/virtual-clock.ts'
import { eventually, withBroker } from '../support/with-broker.ts'

test('1.6 a client that keeps its half of the socket open is dropped after 30 s', async () => {
  const clock = virtualClock()
  await withBroker({ clock }, async ({ port }) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    let gone = false
    socket.on('error', () => {})
    socket.on('close', () => (gone = true))
    socket.resume()
    socket.write('AMQP\0\0\0\0')
    await once(socket, 'end')
    await clock.advance('29s')
    socket.write('still here')
    await clock.advance(0)
    assert.equal(gone, false)
    await clock.advance('2s')
    await eventually(() => {
      socket.write('x')
      return gone
    })
  })
})
