import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { declareQueue, RawAmqp } from '../support/raw-amqp.ts'
import { startWarren, temporaryFolder } from '../support/warren-process.ts'
import { eventually } from '../support/with-broker.ts'

const anonymous = { mechanism: 'ANONYMOUS', response: Buffer.from('whoever') }

test('ANONYMOUS becomes the user that is configured for it', async (t) => {
  const file = join(temporaryFolder(t), 'definitions.json')
  const users = [{ name: 'visitor', password: 'welcome', tags: '' }]
  const permissions = [{ user: 'visitor', vhost: '/', configure: '^v-', write: '.*', read: '.*' }]
  writeFileSync(file, JSON.stringify({ users, vhosts: [{ name: '/' }], permissions }))
  const login = ['--anonymous-login-user', 'visitor', '--anonymous-login-pass', 'welcome']
  const warren = await startWarren(t, ['--load-definitions', file, ...login])
  const client = await RawAmqp.open(warren.port(), anonymous)
  assert.equal(client.start!.mechanisms.toString(), 'PLAIN AMQPLAIN ANONYMOUS')
  await client.openChannel()
  client.send(1, declareQueue('v-1'))
  await client.expect(m.QueueDeclareOk)
  client.send(1, declareQueue('x'))
  const { replyText } = await client.expect(m.ChannelClose)
  assert.equal(replyText, "ACCESS_REFUSED - configure access to queue 'x' in vhost '/' refused for user 'visitor'")
  client.destroy()
})

test('ANONYMOUS with a password that is not right is refused like any other', async (t) => {
  const login = ['--anonymous-login-user', 'guest', '--anonymous-login-pass', 'wrong']
  const warren = await startWarren(t, login)
  const client = await RawAmqp.tcp(warren.port())
  await client.greet(anonymous)
  assert.equal((await client.expect(m.ConnectionClose)).replyCode, 403)
  client.destroy()
})

test('ANONYMOUS is not offered unless a user is configured for it', async (t) => {
  const warren = await startWarren(t)
  const client = await RawAmqp.tcp(warren.port())
  await client.greet(anonymous)
  assert.equal(client.start!.mechanisms.toString(), 'PLAIN AMQPLAIN')
  assert.deepEqual(await client.rest(), [])
  await eventually(() => warren.stderr.includes("invalid authentication mechanism 'ANONYMOUS'"))
})
