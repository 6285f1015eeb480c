import assert from 'node:assert/strict'
import { AMQPClient } from '@cloudamqp/amqp-client'
import type { ChannelModel } from 'amqplib'
import type { RunningServer } from '../../src/server.ts'
import { type Bench, collect, confirmed, fetchTexts, send } from './bench.ts'
import { inProcess } from './support.ts'

/** A user of its own, with these permissions in the default vhost. */
async function login(
  b: Bench,
  { broker }: RunningServer,
  permission: { readonly configure: string; readonly write: string; readonly read: string } | null,
  tags: readonly string[] = [],
): Promise<ChannelModel> {
  broker.users.put(broker.users.parse({ name: 'alice', password: 'secret', tags }))
  if (permission !== null) broker.setPermission({ user: 'alice', vhost: '/', ...permission })
  return b.connect(b.url.replace('guest:guest', 'alice:secret'))
}

const refused = (verb: string, kind: string, name: string): string =>
  `${verb} access to ${kind} '${name}' in vhost '/' refused for user 'alice'`

/** Waits for the broker's refusal to open a connection; amqplib does not tell its words. */
async function refusesLogin(url: string, code: number, text: string): Promise<void> {
  const client = new AMQPClient(url)
  await assert.rejects(client.connect(), { message: `connection closed: ${text} (${code})` })
}

inProcess('who may not configure creates and deletes nothing', async (b, server) => {
  const alice = await login(b, server, { configure: '^mine', write: '.*', read: '.*' })
  const own = await b.channel(alice)
  await own.assertQueue('mine-q')
  await own.assertExchange('mine-x', 'fanout')
  await own.bindQueue('mine-q', 'mine-x', '')
  await own.deleteQueue('mine-q')
  await b.refuses(403, refused('configure', 'queue', 'yours'), (c) => c.assertQueue('yours'), alice)
  await b.refuses(403, refused('configure', 'queue', 'yours'), (c) => c.deleteQueue('yours'), alice)
  await b.refuses(403, refused('configure', 'exchange', 'yours'), (c) => c.assertExchange('yours', 'fanout'), alice)
  await b.refuses(403, refused('configure', 'exchange', 'yours'), (c) => c.deleteExchange('yours'), alice)
})

inProcess('who may not write neither publishes nor feeds', async (b, server) => {
  const guest = await b.channel()
  await guest.assertQueue('q')
  const alice = await login(b, server, { configure: '.*', write: '^mine', read: '.*' })
  const x = Buffer.from('x')
  await b.refuses(403, refused('write', 'exchange', 'amq.fanout'), (c) => c.publish('amq.fanout', '', x), alice)
  await b.refuses(403, refused('write', 'exchange', 'amq.default'), (c) => c.sendToQueue('q', x), alice)
  await b.refuses(403, refused('write', 'queue', 'q'), (c) => c.bindQueue('q', 'amq.fanout', ''), alice)
  await b.refuses(
    403,
    refused('write', 'exchange', 'amq.fanout'),
    (c) => c.bindExchange('amq.fanout', 'amq.direct', ''),
    alice,
  )
  const dlx = { deadLetterExchange: 'amq.fanout' }
  await b.refuses(403, refused('write', 'exchange', 'amq.fanout'), (c) => c.assertQueue('mine-q', dlx), alice)
  const alternate = { alternateExchange: 'amq.fanout' }
  await b.refuses(
    403,
    refused('write', 'exchange', 'amq.fanout'),
    (c) => c.assertExchange('mine', 'direct', alternate),
    alice,
  )
})

inProcess('who may not read neither consumes nor empties', async (b, server) => {
  const guest = await b.channel()
  await guest.assertQueue('q')
  const alice = await login(b, server, { configure: '.*', write: '.*', read: '^mine' })
  const text = refused('read', 'queue', 'q')
  await b.refuses(403, text, (c) => collect(c, 'q'), alice)
  await b.refuses(403, text, (c) => c.get('q'), alice)
  await b.refuses(403, text, (c) => c.purgeQueue('q'), alice)
  await b.refuses(403, refused('read', 'exchange', 'amq.fanout'), (c) => c.bindQueue('q', 'amq.fanout', ''), alice)
})

inProcess('a passive declaration needs any of the three', async (b, server) => {
  const guest = await b.channel()
  for (const queue of ['c', 'w', 'r', 'none']) await guest.assertQueue(queue)
  const alice = await login(b, server, { configure: '^c$', write: '^w$', read: '^r$' })
  const channel = await b.channel(alice)
  for (const queue of ['c', 'w', 'r']) await channel.checkQueue(queue)
  await b.refuses(403, refused('configure', 'queue', 'none'), (c) => c.checkQueue('none'), alice)
})

inProcess('topic permissions narrow the keys', async (b, server) => {
  const alice = await login(b, server, { configure: '.*', write: '.*', read: '.*' })
  const write = '^{username}\\.'
  server.broker.setTopicPermission({ user: 'alice', vhost: '/', exchange: 'amq.topic', write, read: '^news\\.' })
  const channel = await b.channel(alice)
  await channel.assertQueue('q')
  await channel.bindQueue('q', 'amq.topic', 'news.#')
  assert.ok(await confirmed(channel, 'amq.topic', 'alice.says', 'x'))
  const topic = (verb: string, key: string): string =>
    `${verb} access to topic '${key}' in exchange 'amq.topic' in vhost '/' refused for user 'alice'`
  const x = Buffer.from('x')
  await b.refuses(403, topic('write', 'bob.says'), (c) => c.publish('amq.topic', 'bob.says', x), alice)
  await b.refuses(403, topic('write', 'bob.too'), (c) => c.publish('amq.topic', 'alice.a', x, { CC: 'bob.too' }), alice)
  await b.refuses(403, topic('read', '#'), (c) => c.bindQueue('q', 'amq.topic', '#'), alice)
  assert.ok(await confirmed(channel, 'amq.fanout', 'any.key', 'x'))
})

inProcess('a right that is taken away is gone for the channels that are open', async (b, server) => {
  const alice = await login(b, server, { configure: '.*', write: '.*', read: '.*' })
  const channel = await b.channel(alice)
  await channel.assertQueue('q')
  await send(channel, 'q', ['a'])
  server.broker.setPermission({ user: 'alice', vhost: '/', configure: '', write: '', read: '.*' })
  assert.deepEqual(await fetchTexts(channel, 'q'), ['a'])
  channel.sendToQueue('q', Buffer.from('x'))
  await b.closes(channel, 403, refused('write', 'exchange', 'amq.default'))
})

inProcess('an impersonator may publish as another', async (b, server) => {
  const alice = await login(b, server, { configure: '.*', write: '.*', read: '.*' }, ['impersonator'])
  const channel = await b.channel(alice)
  assert.ok(await confirmed(channel, '', 'nowhere', 'x', { userId: 'bob' }))
})

inProcess('logins are refused with a wrong password, and vhosts without a permission', async (b, server) => {
  const { users } = server.broker
  users.put(users.parse({ name: 'alice', password: 'secret', tags: [] }))
  const refusal =
    'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.'
  await refusesLogin(b.url.replace('guest:guest', 'guest:wrong'), 403, refusal)
  await refusesLogin(b.url.replace('guest:guest', 'nobody:secret'), 403, refusal)
  const alice = b.url.replace('guest:guest', 'alice:secret')
  await refusesLogin(alice, 530, "NOT_ALLOWED - access to vhost '/' refused for user 'alice'")
  await refusesLogin(`${b.url}/no-such-vhost`, 530, 'NOT_ALLOWED - vhost no-such-vhost not found')
})

inProcess('deleting a user or a vhost ends their connections', async (b, server) => {
  const alice = await login(b, server, { configure: '.*', write: '.*', read: '.*' })
  const aliceEnded = new Promise<Error | undefined>((resolve) => alice.once('close', resolve))
  server.broker.users.delete('alice')
  assert.match(String(await aliceEnded), /320 .*CONNECTION_FORCED - user 'alice' is deleted/)
  server.broker.putVhost('temporary')
  server.broker.setPermission({ user: 'guest', vhost: 'temporary', configure: '.*', write: '.*', read: '.*' })
  const guest = await b.connect(`${b.url}/temporary`)
  const guestEnded = new Promise<Error | undefined>((resolve) => guest.once('close', resolve))
  server.broker.deleteVhost('temporary')
  assert.match(String(await guestEnded), /320 .*CONNECTION_FORCED - vhost 'temporary' is deleted/)
})

inProcess('a vhost has room for so many connections and queues', async (b, { broker }) => {
  const channel = await b.channel()
  await channel.assertQueue('first')
  broker.setParameter('/', 'vhost-limits', 'limits', { 'max-connections': 1, 'max-queues': 1 })
  await channel.assertQueue('first')
  await b.refuses(406, "cannot declare queue 'second': queue limit in vhost '/' (1) is reached", (c) =>
    c.assertQueue('second'),
  )
  const text = "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached"
  await refusesLogin(b.url, 530, text)
})

inProcess('a user has room for so many connections and channels', async (b, server) => {
  const { users } = server.broker
  const limits = { 'max-connections': 1, 'max-channels': 2 }
  users.put(users.parse({ name: 'alice', password: 'secret', tags: [], limits }))
  server.broker.setPermission({ user: 'alice', vhost: '/', configure: '.*', write: '.*', read: '.*' })
  const url = b.url.replace('guest:guest', 'alice:secret')
  const alice = await b.connect(url)
  const refusal = "NOT_ALLOWED - connection refused for user 'alice': user connection limit (1) is reached"
  await refusesLogin(url, 530, refusal)
  await b.plainChannel(alice)
  await b.plainChannel(alice)
  await assert.rejects(b.plainChannel(alice))
  const text = "number of channels opened for user 'alice' has reached the maximum allowed user limit of 2"
  await b.closes(alice, 530, text)
})

inProcess('a connection has room for so many channels', { flags: ['--channel-max', '2'] }, async (b) => {
  const connection = await b.connect()
  await b.plainChannel(connection)
  await b.plainChannel(connection)
  await assert.rejects(b.plainChannel(connection))
})
