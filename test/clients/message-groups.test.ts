import assert from 'node:assert/strict'
import type { ConfirmChannel, ConsumeMessage, GetMessage } from 'amqplib'
import { type Bench, fetch, fetchTexts } from './bench.ts'
import { brokerUnderTest, inProcess } from './support.ts'

const { scenario } = brokerUnderTest()
const DIFFERS = { differs: 'messageGroups' } as const

const inGroup = (channel: ConfirmChannel, queue: string, group: string | number, text: string): boolean =>
  channel.sendToQueue(queue, Buffer.from(text), { persistent: true, headers: { 'x-message-group': group } })

/** Hands each message to `onMessage`, until that calls `finish`. */
function consumeUntil(
  channels: readonly ConfirmChannel[],
  queue: string,
  onMessage: (message: ConsumeMessage, channel: ConfirmChannel, finish: () => void) => void,
): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const starts = channels.map(async (channel) => {
      await channel.prefetch(2)
      await channel.consume(queue, (message) => {
        try {
          onMessage(message!, channel, resolve)
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
    })
    Promise.all(starts).catch(reject)
  })
}

for (const type of ['classic', 'quorum']) {
  scenario(
    `message groups, ${type}: in order and one at a time, over consumers that fail`,
    DIFFERS,
    async (b: Bench) => {
      const channel = await b.channel()
      const args = { 'x-queue-type': type, 'x-message-groups': true, 'x-delivery-limit': 1000 }
      const queue = await b.queue(channel, args)
      const count = 20
      const groups = ['a', 'b', 'c', 'd']
      for (let i = 1; i <= count; i++) for (const group of groups) inGroup(channel, queue, group, `${group} ${i}`)
      await channel.waitForConfirms()

      const consumers = await Promise.all([1, 2, 3].map(() => b.channel()))
      const out = new Set<string>()
      const done = new Map<string, number>(groups.map((group) => [group, 0]))
      let deliveries = 0
      let left = count * groups.length
      await consumeUntil(consumers, queue, (message, from, finish) => {
        const [group, place] = message.content.toString().split(' ')
        assert.ok(!out.has(group!), `two of ${group} at a time`)
        assert.equal(Number(place), done.get(group!)! + 1)
        out.add(group!)
        deliveries++
        const fails = deliveries % 5 === 0
        setImmediate(() => {
          out.delete(group!)
          if (fails) {
            from.nack(message)
            return
          }
          done.set(group!, Number(place))
          from.ack(message)
          if (--left === 0) finish()
        })
      })
      assert.ok(deliveries > count * groups.length)
    },
  )
}

scenario('message groups: what a dead connection had is the next of its group', DIFFERS, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-message-groups': true })
  for (const text of ['a1', 'a2', 'a3']) inGroup(channel, queue, 'a', text)
  inGroup(channel, queue, 7, 'b1')
  channel.sendToQueue(queue, Buffer.from('alone'))
  await channel.waitForConfirms()
  const connection = await b.connect()
  const doomed = await b.channel(connection)
  const got: GetMessage[] = []
  for (let i = 0; i < 3; i++) got.push(await fetch(doomed, queue, { noAck: false }))
  assert.deepEqual(got.map(({ content }) => content.toString()).sort(), ['a1', 'alone', 'b1'])
  assert.deepEqual(await fetchTexts(channel, queue), [])
  await connection.close()
  const texts: string[] = []
  await consumeUntil([channel], queue, (message, _from, finish) => {
    texts.push(message.content.toString())
    channel.ack(message)
    if (texts.length === 5) finish()
  })
  assert.deepEqual(
    texts.filter((text) => text.startsWith('a') && text !== 'alone'),
    ['a1', 'a2', 'a3'],
  )
})

scenario('message groups: arguments of the wrong type are refused', DIFFERS, async (b) => {
  for (const [args, reason] of [
    [{ 'x-message-groups': 'yes' }, `invalid arg 'x-message-groups' for Q: {unacceptable_type,longstr}`],
    [{ 'x-message-groups-header': 5 }, `invalid arg 'x-message-groups-header' for Q: {unacceptable_type,byte}`],
  ] as const) {
    const name = b.queueName()
    const text = reason.replace('Q', b.queueText(name))
    await b.refuses(406, text, (channel) => channel.assertQueue(name, { arguments: args }))
  }
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-message-groups': true })
  const text = `inequivalent arg 'x-message-groups' for ${b.queueText(queue)}: received none but current is the value 'true' of type 'bool'`
  await b.refuses(406, text, (other) => other.assertQueue(queue))
})

inProcess('message groups by policy', async (b, { broker }) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const definition = { 'message-groups': true, 'message-groups-header': 'customer' }
  broker.setPolicy('user', '/', 'groups', { pattern: '.*', definition, 'apply-to': 'queues' })
  for (const text of ['1', '2']) channel.sendToQueue(queue, Buffer.from(text), { headers: { customer: 'c' } })
  await channel.waitForConfirms()
  const first = await fetch(channel, queue, { noAck: false })
  assert.deepEqual(await fetchTexts(channel, queue), [])
  channel.ack(first)
  assert.deepEqual(await fetchTexts(channel, queue), ['2'])
})
