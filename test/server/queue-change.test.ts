import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { type Channel, type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import { temporaryFolder } from '../support/warren-process.ts'
import { eventually, type TestBroker, withBroker } from '../support/with-broker.ts'

// Queues that change by the HTTP API while clients use them, on disk.

interface Report {
  readonly changed: boolean
  readonly messages: Readonly<Record<'ready' | 'unacknowledged' | 'on_disk_only', number>>
  readonly consumers: { readonly stay: number; readonly end: readonly object[] }
}

/** Each is a level of its own before and after, so that order holds at any moment. Without one: 0 in a classic queue, 4 in a quorum queue. */
const PRIORITIES = [undefined, 1, 5, 9] as const
const BODY_BYTES = 400
const BACKLOG = 4000
const QUORUM = { type: 'quorum', arguments: { 'x-max-priority': null } }

type Query = '' | '?preview=true'

async function change({ server }: TestBroker, body: object, query: Query = ''): Promise<Report> {
  const url = new URL(`api/queues/%2F/q/change${query}`, server.urls.http[0])
  const headers = { authorization: `Basic ${btoa('guest:guest')}`, 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  assert.equal(answer.status, 200, text)
  return JSON.parse(text) as Report
}

async function withClients(
  t: TestContext,
  flags: readonly string[],
  use: (broker: TestBroker, connection: ChannelModel) => Promise<void>,
): Promise<void> {
  await withBroker({ dataDir: temporaryFolder(t), flags }, async (broker) => {
    const connection = await connect(broker.url)
    try {
      await use(broker, connection)
    } finally {
      await connection.close()
    }
  })
}

function publish(channel: ConfirmChannel, id: number): void {
  const body = Buffer.alloc(BODY_BYTES)
  body.writeUInt32BE(id)
  const priority = PRIORITIES[id % PRIORITIES.length]
  channel.sendToQueue('q', body, { persistent: true, ...(priority !== undefined && { priority }) })
}

/** Numbers of messages, in the order in which they came. */
async function consume(channel: Channel): Promise<number[]> {
  const got: number[] = []
  await channel.prefetch(20)
  await channel.consume('q', (message) => {
    assert.ok(message !== null, 'the consumer stays')
    assert.equal(message.fields.redelivered, false)
    got.push(message.content.readUInt32BE())
    channel.ack(message)
  })
  return got
}

describe('a queue is changed by the HTTP API while clients use it', () => {
  test('classic with priorities becomes quorum: nothing is lost, nothing comes twice, each priority in order', async (t) => {
    await withClients(t, ['--message-memory', '200KB'], async (broker, connection) => {
      const publisher = await connection.createConfirmChannel()
      await publisher.assertQueue('q', { maxPriority: 9 })
      let sent = 0
      const publishMore = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) publish(publisher, sent++)
        await publisher.waitForConfirms()
      }
      await publishMore(BACKLOG)
      await eventually(async () => (await change(broker, QUORUM, '?preview=true')).messages.on_disk_only > BACKLOG / 2)
      const got = await consume(await connection.createChannel())
      await eventually(() => got.length > 0)
      let isChanged = false
      const changing = change(broker, QUORUM).finally(() => (isChanged = true))
      do await publishMore(100)
      while (!isChanged)
      const report = await changing
      await publishMore(500)
      assert.deepEqual([report.changed, report.consumers.stay, report.consumers.end], [true, 1, []])
      assert.ok(report.messages.on_disk_only > 0, 'it changed with a backlog on disk')
      await eventually(() => got.length >= sent, 30_000)
      const after = await publisher.assertQueue('q', { arguments: { 'x-queue-type': 'quorum' } })
      assert.equal(after.messageCount, 0)
      assert.equal(got.length, sent)
      for (const [remainder, priority] of PRIORITIES.entries()) {
        const ofPriority = got.filter((id) => id % PRIORITIES.length === remainder)
        const wanted = Array.from({ length: sent }, (_, id) => id).filter((id) => id % PRIORITIES.length === remainder)
        assert.deepEqual(ofPriority, wanted, `priority ${priority ?? 'none'}`)
      }
    })
  })

  test('a busy group stays busy: its next message comes when the one that is out has come back', async (t) => {
    await withClients(t, [], async (broker, connection) => {
      const publisher = await connection.createConfirmChannel()
      await publisher.assertQueue('q', { arguments: { 'x-message-groups': true } })
      for (const text of ['a1', 'a2', 'b1']) {
        const headers = { 'x-message-group': text[0] }
        publisher.sendToQueue('q', Buffer.from(text), { persistent: true, headers })
      }
      await publisher.waitForConfirms()
      const get = async (): Promise<[string, () => void] | null> => {
        const message = await publisher.get('q')
        return message === false ? null : [message.content.toString(), () => publisher.ack(message)]
      }
      const first = await get()
      assert.equal(first?.[0], 'a1')
      const { changed, messages } = await change(broker, { type: 'quorum' })
      assert.deepEqual([changed, messages.unacknowledged], [true, 1])
      const second = await get()
      assert.equal(second?.[0], 'b1', 'a2 waits for a1')
      assert.equal(await get(), null)
      first[1]()
      assert.equal((await get())?.[0], 'a2')
    })
  })

  test('what was seen of duplicates stays seen, also after a restart', async (t) => {
    const dataDir = temporaryFolder(t)
    const send = async (connection: ChannelModel, value: string): Promise<number> => {
      const channel = await connection.createConfirmChannel()
      const headers = { 'x-deduplication-header': value }
      channel.sendToQueue('q', Buffer.from(value), { persistent: true, headers })
      await channel.waitForConfirms()
      return (await channel.checkQueue('q')).messageCount
    }
    await withBroker({ dataDir }, async (broker) => {
      const connection = await connect(broker.url)
      const channel = await connection.createChannel()
      const args = { 'x-message-deduplication': true, 'x-cache-size': 100, 'x-cache-persistence': 'disk' }
      await channel.assertQueue('q', { arguments: args })
      assert.equal(await send(connection, 'once'), 1)
      assert.equal((await change(broker, { type: 'quorum' })).changed, true)
      assert.equal(await send(connection, 'once'), 1)
      assert.equal(await send(connection, 'another'), 2)
      await connection.close()
    })
    await withBroker({ dataDir }, async (broker) => {
      const connection = await connect(broker.url)
      for (const value of ['once', 'another']) assert.equal(await send(connection, value), 2, value)
      assert.equal(await send(connection, 'third'), 3)
      await connection.close()
    })
  })
})
