import assert from 'node:assert/strict'
import type { ConfirmChannel, Options } from 'amqplib'
import { type Bench, confirmed, fetchTexts } from './bench.ts'
import { brokerUnderTest, differs } from './support.ts'

const { scenario } = brokerUnderTest()

/** Which of `keys` reach a queue that is bound with `pattern`. */
async function matches(b: Bench, type: string, pattern: string, keys: readonly string[]): Promise<string[]> {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, type)
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, pattern)
  for (const key of keys) channel.publish(exchange, key, Buffer.from(key))
  await channel.waitForConfirms()
  return fetchTexts(channel, queue)
}

scenario('direct: the key has to be the same', async (b) => {
  assert.deepEqual(await matches(b, 'direct', 'a.*', ['a.b', 'a.*', '', 'A.*']), ['a.*'])
})

scenario('fanout: every key', async (b) => {
  assert.deepEqual(await matches(b, 'fanout', 'a', ['', 'b']), ['', 'b'])
})

scenario('topic: words and wildcards', async (b) => {
  const keys = ['', 'a', 'a.', '.b', 'a.b', 'a.b.c', 'a..c', 'b.a']
  const matched = (pattern: string): Promise<string[]> => matches(b, 'topic', pattern, keys)
  assert.deepEqual(await matched('#'), keys)
  assert.deepEqual(await matched('*'), ['a'])
  assert.deepEqual(await matched('a.#'), ['a', 'a.', 'a.b', 'a.b.c', 'a..c'])
  assert.deepEqual(await matched('*.b'), ['.b', 'a.b'])
  assert.deepEqual(await matched('a.*.c'), ['a.b.c', 'a..c'])
  assert.deepEqual(await matched('#.c'), ['a.b.c', 'a..c'])
  assert.deepEqual(await matched('a*'), [])
  assert.deepEqual(await matched(''), [''])
})

const HEADER_CASES: readonly {
  readonly binding: Record<string, unknown>
  readonly headers: Record<string, unknown>
  readonly routed: boolean
}[] = [
  { binding: {}, headers: { a: 1 }, routed: true },
  { binding: { 'x-match': 'any' }, headers: { a: 1 }, routed: false },
  { binding: { a: 1, b: 'x' }, headers: { a: 1, b: 'x', c: true }, routed: true },
  { binding: { a: 1, b: 'x' }, headers: { a: 1 }, routed: false },
  { binding: { 'x-match': 'any', a: 1, b: 'x' }, headers: { b: 'x' }, routed: true },
  { binding: { 'x-match': 'any', a: 1, b: 'x' }, headers: { a: 2, b: 'y' }, routed: false },
  { binding: { a: { '!': 'long', value: 1 } }, headers: { a: { '!': 'int', value: 1 } }, routed: true },
  { binding: { a: 1 }, headers: { a: '1' }, routed: false },
  { binding: { a: null }, headers: { a: 'anything' }, routed: true },
  { binding: { a: null }, headers: {}, routed: false },
  { binding: { 'x-match': 'all', 'x-own': 1 }, headers: {}, routed: true },
  { binding: { 'x-match': 'all-with-x', 'x-own': 1 }, headers: {}, routed: false },
  { binding: { 'x-match': 'all-with-x', 'x-own': 1 }, headers: { 'x-own': 1 }, routed: true },
  { binding: { 'x-match': 'any-with-x', 'x-own': 1 }, headers: { 'x-own': 1 }, routed: true },
  { binding: { 'x-match': 'any', 'x-own': 1 }, headers: { 'x-own': 1 }, routed: false },
]

scenario('headers: all, any, and what begins with x-', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'headers')
  const queue = await b.queue(channel)
  for (const { binding, headers, routed } of HEADER_CASES) {
    await channel.bindQueue(queue, exchange, '', binding)
    await confirmed(channel, exchange, 'ignored', 'x', { headers })
    const texts = await fetchTexts(channel, queue)
    assert.equal(texts.length, routed ? 1 : 0, `${JSON.stringify(binding)} with ${JSON.stringify(headers)}`)
    await channel.unbindQueue(queue, exchange, '', binding)
  }
})

scenario('headers: an unknown x-match is refused', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await b.refuses(406, 'Invalid x-match field value <<"zip">>; expected all, any, all-with-x, or any-with-x', (c) =>
    c.bindQueue(queue, 'amq.headers', '', { 'x-match': 'zip' }),
  )
  await b.refuses(406, 'Invalid x-match field type signedint (value 1); expected longstr', (c) =>
    c.bindQueue(queue, 'amq.headers', '', { 'x-match': { '!': 'int', value: 1 } }),
  )
})

scenario('a queue gets one copy, however many bindings match', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'topic')
  const queue = await b.queue(channel)
  for (const key of ['a.b', 'a.*', '#', 'a.#']) await channel.bindQueue(queue, exchange, key)
  await channel.bindQueue(queue, exchange, '#')
  await confirmed(channel, exchange, 'a.b', 'once')
  assert.deepEqual(await fetchTexts(channel, queue), ['once'])
})

scenario('bindings differ by key and arguments', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'direct')
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, 'a', { note: 1 })
  await channel.bindQueue(queue, exchange, 'a', { note: 2 })
  await channel.unbindQueue(queue, exchange, 'a', { note: 1 })
  await confirmed(channel, exchange, 'a', 'still bound')
  await channel.unbindQueue(queue, exchange, 'a', { note: 2 })
  await confirmed(channel, exchange, 'a', 'bound no longer')
  assert.deepEqual(await fetchTexts(channel, queue), ['still bound'])
})

scenario('unbinding what is not bound, or not there, is a success', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.unbindQueue(queue, 'amq.direct', 'never bound')
  await channel.unbindQueue(b.queueName(), 'amq.direct', '')
  await channel.unbindQueue(queue, b.exchangeName(), '')
  await channel.unbindExchange('amq.direct', b.exchangeName(), '')
})

scenario('binding needs both ends; the missing source is told first', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await b.refuses(404, `no ${b.exchangeText('gone')}`, (c) => c.bindQueue('gone-too', 'gone', ''))
  await b.refuses(404, `no ${b.queueText('gone-too')}`, (c) => c.bindQueue('gone-too', 'amq.direct', ''))
  await b.refuses(404, `no ${b.exchangeText('gone')}`, (c) => c.bindQueue(queue, 'gone', ''))
  await b.refuses(404, `no ${b.exchangeText('gone')}`, (c) => c.bindExchange('amq.direct', 'gone', ''))
  await b.refuses(404, `no ${b.exchangeText('gone')}`, (c) => c.bindExchange('gone', 'amq.direct', ''))
})

scenario('exchanges feed exchanges, round in circles too', async (b) => {
  const channel = await b.channel()
  const [first, second, third] = [
    await b.exchange(channel, 'topic'),
    await b.exchange(channel, 'fanout'),
    await b.exchange(channel, 'direct'),
  ]
  await channel.bindExchange(second, first, 'a.#')
  await channel.bindExchange(third, second, '')
  await channel.bindExchange(first, third, 'a.b')
  const [filtered, all] = [await b.queue(channel), await b.queue(channel)]
  await channel.bindQueue(filtered, third, 'a.b')
  await channel.bindQueue(all, second, '')
  for (const key of ['a.b', 'a.c', 'b']) await confirmed(channel, first, key, key)
  assert.deepEqual(await fetchTexts(channel, filtered), ['a.b'])
  assert.deepEqual(await fetchTexts(channel, all), ['a.b', 'a.c'])
  await channel.unbindExchange(second, first, 'a.#')
  await confirmed(channel, first, 'a.b', 'late')
  assert.deepEqual(await fetchTexts(channel, all), [])
})

scenario('an exchange may be bound to itself', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'fanout')
  const queue = await b.queue(channel)
  await channel.bindExchange(exchange, exchange, '')
  await channel.bindQueue(queue, exchange, '')
  await confirmed(channel, exchange, '', 'once')
  assert.deepEqual(await fetchTexts(channel, queue), ['once'])
})

/** An exchange with an alternate, and a queue behind each. */
async function withAlternate(
  b: Bench,
  channel: ConfirmChannel,
  alternateExchange: string,
  options: Options.AssertExchange = {},
): Promise<{ exchange: string; queue: string }> {
  const exchange = await b.exchange(channel, 'direct', { ...options, alternateExchange })
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, 'known')
  return { exchange, queue }
}

scenario('what matches no binding goes to the alternate exchange, and on along a chain', async (b) => {
  const channel = await b.channel()
  const last = await b.exchange(channel, 'fanout', { internal: true })
  const caught = await b.queue(channel)
  await channel.bindQueue(caught, last, '')
  const middle = await withAlternate(b, channel, last)
  const first = await withAlternate(b, channel, middle.exchange)
  await channel.bindQueue(middle.queue, middle.exchange, 'only here')
  const returned: string[] = []
  channel.on('return', (message) => returned.push(message.content.toString()))
  for (const key of ['known', 'only here', 'unknown']) {
    assert.ok(await confirmed(channel, first.exchange, key, key, { mandatory: true }))
  }
  assert.deepEqual(await fetchTexts(channel, first.queue), ['known'])
  assert.deepEqual(await fetchTexts(channel, middle.queue), ['only here'])
  assert.deepEqual(await fetchTexts(channel, caught), ['unknown'])
  assert.deepEqual(returned, [])
})

scenario('alternate exchanges that point at each other end in nothing', async (b) => {
  const channel = await b.channel()
  const [one, other] = [b.exchangeName(), b.exchangeName()]
  await channel.assertExchange(one, 'direct', { alternateExchange: other })
  await channel.assertExchange(other, 'direct', { alternateExchange: one })
  const returned: string[] = []
  channel.on('return', (message) => returned.push(message.content.toString()))
  assert.ok(await confirmed(channel, one, 'nobody', 'came back', { mandatory: true }))
  assert.deepEqual(returned, ['came back'])
})

scenario('a missing alternate exchange is ignored', async (b) => {
  const channel = await b.channel()
  const { exchange, queue } = await withAlternate(b, channel, 'no-such-exchange')
  assert.ok(await confirmed(channel, exchange, 'unknown', 'dropped'))
  assert.ok(await confirmed(channel, exchange, 'known', 'kept'))
  assert.deepEqual(await fetchTexts(channel, queue), ['kept'])
})

scenario('x-consistent-hash: one key always reaches the same queue, many keys reach all', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-consistent-hash')
  const queues = [await b.queue(channel), await b.queue(channel), await b.queue(channel)]
  for (const queue of queues) await channel.bindQueue(queue, exchange, '1')
  for (let i = 0; i < 300; i++) channel.publish(exchange, `key-${i % 100}`, Buffer.from(`key-${i % 100}`))
  await channel.waitForConfirms()
  const seen = new Set<string>()
  for (const queue of queues) {
    const texts = await fetchTexts(channel, queue)
    assert.ok(texts.length > 0)
    for (const text of new Set(texts)) {
      assert.equal(texts.filter((other) => other === text).length, 3)
      assert.ok(!seen.has(text))
      seen.add(text)
    }
  }
  assert.equal(seen.size, 100)
})

scenario('x-consistent-hash: the binding key is a weight', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-consistent-hash')
  const queue = await b.queue(channel)
  await b.refuses(406, 'The binding key must be greater than 0', (c) => c.bindQueue(queue, exchange, '0'))
  await b.refuses(406, 'The binding key must be an integer: <<"a">>', (c) => c.bindQueue(queue, exchange, 'a'))
})

scenario('x-random: one of the queues', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-random')
  const queues = [await b.queue(channel), await b.queue(channel)]
  for (const queue of queues) await channel.bindQueue(queue, exchange, 'any')
  for (let i = 0; i < 64; i++) channel.publish(exchange, '', Buffer.from(`${i}`))
  await channel.waitForConfirms()
  const counts = [(await fetchTexts(channel, queues[0]!)).length, (await fetchTexts(channel, queues[1]!)).length]
  assert.equal(counts[0]! + counts[1]!, 64)
  assert.ok(counts[0]! > 0 && counts[1]! > 0)
})

scenario('x-recent-history: a new binding gets what was published last', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-recent-history', { arguments: { 'x-recent-history-length': 2 } })
  for (const text of ['a', 'b', 'c']) await confirmed(channel, exchange, '', text)
  await confirmed(channel, exchange, '', 'not kept', { headers: { 'x-recent-history-no-store': true } })
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, '')
  await confirmed(channel, exchange, '', 'd')
  assert.deepEqual(await fetchTexts(channel, queue), ['b', 'c', 'd'])
})

scenario('x-modulus-hash: each message to one queue, the same for the same key', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-modulus-hash')
  const queues = [await b.queue(channel), await b.queue(channel)]
  for (const queue of queues) await channel.bindQueue(queue, exchange, 'ignored')
  for (let i = 0; i < 40; i++) channel.publish(exchange, `key-${i % 20}`, Buffer.from(`key-${i % 20}`))
  await channel.waitForConfirms()
  const [one, other] = [await fetchTexts(channel, queues[0]!), await fetchTexts(channel, queues[1]!)]
  assert.equal(one.length + other.length, 40)
  assert.deepEqual(
    [...new Set(one)].filter((key) => other.includes(key)),
    [],
  )
})

scenario('x-local-random: a classic queue, bound with an empty key', { differs: 'localRandom' }, async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-local-random')
  const queue = await b.queue(channel)
  await b.refuses(406, "Non empty binding 'k' key not permitted", (c) => c.bindQueue(queue, exchange, 'k'))
  await channel.bindQueue(queue, exchange, '')
  await confirmed(channel, exchange, 'whatever', 'here')
  assert.deepEqual(await fetchTexts(channel, queue), ['here'])
})

scenario('x-jms-topic: a selector decides', { differs: 'jmsTopic' }, async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'x-jms-topic', { arguments: { rjms_version: '1.4.7' } })
  const queue = await b.queue(channel)
  const selector = `{'=',{'ident',<<"colour">>},<<"red">>}.`
  await channel.bindQueue(queue, exchange, 'paint', { rjms_erlang_selector: selector })
  for (const colour of ['red', 'blue']) await confirmed(channel, exchange, 'paint', colour, { headers: { colour } })
  assert.deepEqual(await fetchTexts(channel, queue), ['red'])
})

scenario('a topic pattern may have two # words', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, 'amq.topic', `${queue}.#.a.#`)
  if (differs('topicWildcards')) await channel.bindQueue(queue, 'amq.topic', `${queue}.#.a.#.b.#`)
  else {
    const key = `${queue}.#.a.#.b.#`
    await b.refuses(406, `Topic binding key '${key}' uses 3 '#' wildcards, at most 2 are allowed`, (c) =>
      c.bindQueue(queue, 'amq.topic', key),
    )
  }
})
