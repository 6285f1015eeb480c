import assert from 'node:assert/strict'
import type { ConfirmChannel, Message } from 'amqplib'
import { confirmed, fetch, fetchTexts, readyCount, send, textOf } from './bench.ts'
import { brokerUnderTest, inProcess } from './support.ts'

const { scenario } = brokerUnderTest()

/** What the broker returns, in order. */
function returnsOf(channel: ConfirmChannel): Message[] {
  const returned: Message[] = []
  channel.on('return', (message) => returned.push(message))
  return returned
}

scenario('publishing to an exchange that is missing closes the channel', async (b) => {
  await b.refuses(404, `no ${b.exchangeText('no-such-exchange')}`, (c) =>
    c.publish('no-such-exchange', '', Buffer.from('x')),
  )
})

scenario('a mandatory message that reaches no queue comes back whole, before its confirm', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'direct')
  const returned = returnsOf(channel)
  const seen = new Promise<number>((resolve) => {
    channel.publish(
      exchange,
      'nobody',
      Buffer.from('undeliverable'),
      { mandatory: true, headers: { a: 1, BCC: ['hidden'], CC: ['b'] }, messageId: 'm-1', persistent: true },
      () => resolve(returned.length),
    )
  })
  assert.equal(await seen, 1)
  const { fields, properties, content } = returned[0]!
  assert.deepEqual({ ...fields }, { replyCode: 312, replyText: 'NO_ROUTE', exchange, routingKey: 'nobody' })
  assert.deepEqual({ ...properties.headers }, { a: 1, CC: ['b'] })
  assert.equal(properties.messageId, 'm-1')
  assert.equal(properties.deliveryMode, 2)
  assert.equal(content.toString(), 'undeliverable')
})

scenario('a mandatory message that reaches a queue does not come back; another is dropped in silence', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const returned = returnsOf(channel)
  assert.ok(await confirmed(channel, '', queue, 'kept', { mandatory: true }))
  assert.ok(await confirmed(channel, '', b.queueName(), 'dropped'))
  assert.deepEqual(returned, [])
  assert.deepEqual(await fetchTexts(channel, queue), ['kept'])
})

scenario('a large message that is returned comes back whole', async (b) => {
  const channel = await b.channel()
  const returned = returnsOf(channel)
  const body = Buffer.alloc(300_000, 'r')
  await confirmed(channel, '', b.queueName(), body, { mandatory: true })
  assert.ok(returned[0]!.content.equals(body))
})

scenario('immediate is not implemented', async (b) => {
  await b.refusesConnection(540, 'immediate=true', (c) => {
    const raw = c as unknown as { sendMessage(fields: object, properties: object, content: Buffer): void }
    const fields = { exchange: '', routingKey: 'x', mandatory: false, immediate: true }
    raw.sendMessage(fields, { headers: {} }, Buffer.from('now'))
  })
})

scenario('CC and BCC add routing keys; BCC does not show', async (b) => {
  const channel = await b.channel()
  const [to, cc, bcc] = [await b.queue(channel), await b.queue(channel), await b.queue(channel)]
  await confirmed(channel, '', to, 'copies', { CC: [cc, to, cc], BCC: [bcc] })
  for (const queue of [to, cc, bcc]) {
    const { properties, fields } = await fetch(channel, queue)
    assert.deepEqual({ ...properties.headers }, { CC: [cc, to, cc] })
    assert.equal(fields.routingKey, to)
    assert.equal(await readyCount(channel, queue), 0)
  }
})

scenario('CC counts at topic exchanges', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'topic')
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, '*.b')
  await confirmed(channel, exchange, 'nothing', 'by copy', { CC: ['a.b'] })
  assert.deepEqual(await fetchTexts(channel, queue), ['by copy'])
})

scenario('CC and BCC that are no arrays are refused', async (b) => {
  const text = (name: string): string => `invalid message: {unacceptable_type_in_header,"${name}",longstr}`
  await b.refuses(406, text('CC'), (c) => c.publish('', 'x', Buffer.from('x'), { headers: { CC: 'y' } }))
  await b.refuses(406, text('BCC'), (c) => c.publish('', 'x', Buffer.from('x'), { headers: { BCC: 'y' } }))
})

scenario('the user-id has to be true', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const user = decodeURIComponent(new URL(b.url).username)
  await send(channel, queue, ['mine'], { userId: user })
  assert.equal((await fetch(channel, queue)).properties.userId, user)
  await b.refuses(406, `user_id property set to 'bob' but authenticated user was '${user}'`, (c) =>
    c.sendToQueue(queue, Buffer.from('x'), { userId: 'bob' }),
  )
})

const BAD_EXPIRATIONS: Readonly<Record<string, string>> = {
  abc: 'no_integer',
  '': 'no_integer',
  ' 1': 'no_integer',
  '12ab': '{leftover_string,"ab"}',
  '1.5': '{leftover_string,".5"}',
  '-1': '{value_negative,-1}',
  '315360000001': '{value_too_large,315360000001}',
  '+315360000001': '{value_too_large,315360000001}',
}

for (const [expiration, reason] of Object.entries(BAD_EXPIRATIONS)) {
  scenario(`the expiration '${expiration}' is refused`, async (b) => {
    await b.refuses(406, `invalid expiration '${expiration}': ${reason}`, (c) =>
      c.publish('', 'x', Buffer.from('x'), { expiration }),
    )
  })
}

scenario('the longest expiration is ten years; leading signs and zeros are read', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  for (const expiration of ['315360000000', '+60000', '0060000']) {
    await send(channel, queue, ['x'], { expiration })
    assert.equal((await fetch(channel, queue)).properties.expiration, expiration)
  }
})

inProcess('a message beyond the limit is refused', { flags: ['--max-message-size', '1000'] }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['x'.repeat(1000)])
  await b.refuses(406, 'message size 1001 is larger than configured max size 1000', (c) =>
    c.sendToQueue(queue, Buffer.alloc(1001)),
  )
  await b.refuses(406, 'message size 300000 is larger than configured max size 1000', (c) =>
    c.sendToQueue(queue, Buffer.alloc(300_000)),
  )
  assert.equal(await readyCount(channel, queue), 1)
})

scenario('16 MiB are within the limit, a byte more is not', { differs: 'messageSizeMax' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const max = 16 * 1024 * 1024
  assert.ok(await confirmed(channel, '', queue, Buffer.alloc(max, 'x')))
  assert.equal((await fetch(channel, queue)).content.length, max)
  await b.refuses(406, `message size ${max + 1} is larger than configured max size ${max}`, (c) =>
    c.sendToQueue(queue, Buffer.alloc(max + 1)),
  )
})

scenario('any delivery mode but 2 is transient', { differs: 'deliveryModes' }, async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  assert.ok(await confirmed(channel, '', queue, 'x', { deliveryMode: 3 }))
  assert.deepEqual(await fetchTexts(channel, queue), ['x'])
})

scenario('empty bodies and empty keys', async (b) => {
  const channel = await b.channel()
  const exchange = await b.exchange(channel, 'direct')
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, exchange, '')
  await confirmed(channel, exchange, '', '')
  const message = await fetch(channel, queue)
  assert.equal(message.content.length, 0)
  assert.equal(message.fields.routingKey, '')
})

scenario('properties and headers of every type come back as they were', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const properties = {
    contentType: 'application/json',
    contentEncoding: 'identity',
    deliveryMode: 2,
    priority: 7,
    correlationId: 'c-1',
    replyTo: 'answers',
    expiration: '60000',
    messageId: 'm-1',
    timestamp: 1_700_000_000,
    type: 'order',
    appId: 'tests',
  }
  const typed = (type: string, value: unknown): object => ({ '!': type, value })
  const headers = {
    string: 'Grüße 🐰',
    empty: '',
    yes: true,
    no: false,
    nothing: null,
    bytes: Buffer.from([0, 1, 255]),
    byte: typed('byte', -128),
    short: typed('short', -32_768),
    int: typed('int', -2_147_483_648),
    long: typed('long', Number.MAX_SAFE_INTEGER),
    double: typed('double', 0.1),
    float: typed('float', 0.5),
    timestamp: typed('timestamp', 1_700_000_000),
    decimal: typed('decimal', { places: 2, digits: 12345 }),
    list: ['a', 1, true, null, ['nested'], { deep: [1.5] }],
    table: { a: { b: { c: 'd' } }, list: [] },
  }
  await send(channel, queue, ['x'], { ...properties, headers })
  const message = await fetch(channel, queue)
  for (const [key, value] of Object.entries(properties)) {
    assert.equal(message.properties[key as keyof typeof properties], value, key)
  }
  assert.deepEqual(message.properties.headers, {
    ...headers,
    byte: -128,
    short: -32_768,
    int: -2_147_483_648,
    long: Number.MAX_SAFE_INTEGER,
    double: 0.1,
    float: 0.5,
    timestamp: typed('timestamp', 1_700_000_000),
    decimal: typed('decimal', { places: 2, digits: 12345 }),
  })
})

for (const size of [100 * 1024, 1024 * 1024, 20 * 1024 * 1024]) {
  scenario(`a body of ${size} bytes`, { flags: ['--max-message-size', '134217728'] }, async (b) => {
    const channel = await b.channel()
    const queue = await b.queue(channel)
    const body = Buffer.alloc(size)
    for (let i = 0; i < size; i += 1009) body[i] = i % 251
    assert.ok(await confirmed(channel, '', queue, body, { persistent: true }))
    assert.ok((await fetch(channel, queue)).content.equals(body))
    const received = new Promise<Buffer>((resolve, reject) => {
      channel.consume(queue, (message) => message !== null && resolve(message.content), { noAck: true }).catch(reject)
    })
    assert.ok(await confirmed(channel, '', queue, body))
    assert.ok((await received).equals(body))
  })
}

scenario('bodies around the frame size', async (b) => {
  const connection = await b.connect(`${b.url}?frameMax=8192`)
  const channel = await b.channel(connection)
  const queue = await b.queue(channel)
  const sizes = [0, 1, 8183, 8184, 8185, 16_368, 16_369]
  for (const size of sizes) assert.ok(await confirmed(channel, '', queue, Buffer.alloc(size, 'f')))
  for (const size of sizes) assert.equal((await fetch(channel, queue)).content.length, size)
})

scenario('messages of one channel keep their order', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  const texts = Array.from({ length: 2000 }, (_, i) => `${i}`)
  await send(channel, queue, texts)
  const received: string[] = []
  await new Promise<void>((resolve, reject) => {
    const take = (message: { content: Buffer } | null): void => {
      received.push(textOf(message!))
      if (received.length === texts.length) resolve()
    }
    channel.consume(queue, take, { noAck: true }).catch(reject)
  })
  assert.deepEqual(received, texts)
})
