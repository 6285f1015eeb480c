import { brokerUnderTest, differs } from './support.ts'

const { scenario } = brokerUnderTest()

const typed = (type: string, value: unknown): object => ({ '!': type, value })
const int = (value: number): object => typed('int', value)
const long = (value: number): object => typed('long', value)

/** Argument, value, and why it is refused. */
const CLASSIC: readonly (readonly [string, unknown, string])[] = [
  ['x-message-ttl', int(-1), '{value_negative,-1}'],
  ['x-message-ttl', 'soon', '"expected integer, got longstr"'],
  ['x-message-ttl', long(315_360_000_001), '{value_too_large,315360000001}'],
  ['x-expires', int(0), '{value_zero,0}'],
  ['x-expires', int(-1), '{value_negative,-1}'],
  ['x-max-length', int(-1), '{value_negative,-1}'],
  ['x-max-length', true, '"expected integer, got bool"'],
  ['x-max-length-bytes', int(-5), '{value_negative,-5}'],
  ['x-overflow', 'drop-tail', 'invalid_overflow'],
  ['x-overflow', int(1), '{unacceptable_type,signedint}'],
  ['x-max-priority', int(256), '{max_value_exceeded,256}'],
  ['x-max-priority', int(-1), '{value_negative,-1}'],
  ['x-dead-letter-routing-key', 'alone', 'routing_key_but_no_dlx_defined'],
  ['x-single-active-consumer', 'yes', '{unacceptable_type,longstr}'],
  ['x-queue-type', 'zip', `"unsupported queue type 'zip'"`],
  ['x-queue-mode', 'quick', `"unsupported queue mode 'quick'"`],
]

const QUORUM: readonly (readonly [string, unknown, string])[] = [
  ['x-message-ttl', int(-1), '{value_negative,-1}'],
  ['x-dead-letter-strategy', 'perhaps', 'invalid_dlx_strategy'],
  ['x-quorum-initial-group-size', int(0), '{value_zero,0}'],
]

for (const [type, cases] of [
  ['classic', CLASSIC],
  ['quorum', QUORUM],
] as const) {
  for (const [key, value, reason] of cases) {
    scenario(`${type}: ${key} ${JSON.stringify(value)} is refused`, async (b) => {
      const queue = b.queueName()
      await b.refuses(406, `invalid arg '${key}' for ${b.queueText(queue)}: ${reason}`, (c) =>
        c.assertQueue(queue, { arguments: { 'x-queue-type': type, [key]: value } }),
      )
    })
  }
}

scenario('arguments that another type knows are refused', async (b) => {
  const cases = [
    ['classic', 'x-max-age', '1h'],
    ['quorum', 'x-max-priority', int(5)],
    ['quorum', 'x-max-age', '1h'],
    ['quorum', 'x-queue-mode', 'lazy'],
  ] as const
  for (const [type, key, value] of cases) {
    const queue = b.queueName()
    const text = `invalid arg '${key}' for ${b.queueText(queue)} of queue type rabbit_${type}_queue`
    await b.refuses(406, text, (c) => c.assertQueue(queue, { arguments: { 'x-queue-type': type, [key]: value } }))
  }
})

scenario('unknown arguments are kept and ignored', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel, { 'x-mine': { deep: [1] }, other: true, 'x-ha-policy': 'all' })
  await channel.assertQueue(queue)
})

scenario('the bounds are accepted', async (b) => {
  const channel = await b.channel()
  await b.queue(channel, { 'x-message-ttl': 0, 'x-expires': 315_360_000_000, 'x-max-length': 0 })
  await b.queue(channel, { 'x-max-priority': 255, 'x-max-length-bytes': 0, 'x-queue-mode': 'lazy' })
  await b.queue(channel, { 'x-max-priority': 0, 'x-message-ttl': 315_360_000_000 })
  await b.queue(channel, { 'x-queue-version': 2 })
  if (!differs('leaderLocator')) await b.queue(channel, { 'x-queue-leader-locator': 'client-local' })
})

scenario('the dead letter exchange has to be a name', async (b) => {
  const queue = b.queueName()
  await b.refuses(406, `invalid type 'signedint' for arg 'x-dead-letter-exchange' in ${b.queueText(queue)}`, (c) =>
    c.assertQueue(queue, { arguments: { 'x-dead-letter-exchange': int(1) } }),
  )
})

scenario('a quorum queue is durable, shared and stays', async (b) => {
  const queue = b.queueName()
  const refused = (property: string): string => `invalid property '${property}' for ${b.queueText(queue)}`
  const args = { 'x-queue-type': 'quorum' }
  await b.refuses(406, refused('non-durable'), (c) => c.assertQueue(queue, { durable: false, arguments: args }))
  await b.refuses(406, refused('exclusive-owner'), (c) => c.assertQueue(queue, { exclusive: true, arguments: args }))
  await b.refuses(406, refused('auto-delete'), (c) => c.assertQueue(queue, { autoDelete: true, arguments: args }))
  await b.refuses(406, 'Cannot declare a server-named queue for type rabbit_quorum_queue', (c) =>
    c.assertQueue('', { arguments: args }),
  )
})

scenario('streams are not implemented yet', { differs: 'streams' }, async (b) => {
  const queue = b.queueName()
  await b.refusesConnection(540, `cannot declare ${b.queueText(queue)}: queue type 'stream' is not implemented`, (c) =>
    c.assertQueue(queue, { arguments: { 'x-queue-type': 'stream' } }),
  )
})

scenario('a type that is no text is refused', async (b) => {
  const queue = b.queueName()
  const reason = '{unacceptable_type,signedint}'
  await b.refuses(406, `invalid arg 'x-queue-type' for ${b.queueText(queue)}: ${reason}`, (c) =>
    c.assertQueue(queue, { arguments: { 'x-queue-type': int(1) } }),
  )
})
