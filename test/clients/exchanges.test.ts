import assert from 'node:assert/strict'
import { confirmed, fetchTexts, send } from './bench.ts'
import { brokerUnderTest, differs } from './support.ts'

const { scenario } = brokerUnderTest()

scenario('an exchange may be declared again with the same properties', async (b) => {
  const channel = await b.channel()
  for (const type of ['direct', 'fanout', 'topic', 'headers']) {
    const name = await b.exchange(channel, type, { durable: false, autoDelete: true, internal: true })
    await channel.assertExchange(name, type, { durable: false, autoDelete: true, internal: true })
    await channel.checkExchange(name)
  }
})

scenario('another declaration of an exchange is refused with the first property that differs', async (b) => {
  const channel = await b.channel()
  const name = await b.exchange(channel, 'direct')
  const inequivalent = (arg: string, received: string, current: string): string =>
    `inequivalent arg '${arg}' for ${b.exchangeText(name)}: received '${received}' but current is '${current}'`
  await b.refuses(406, inequivalent('type', 'fanout', 'direct'), (c) =>
    c.assertExchange(name, 'fanout', { durable: false }),
  )
  await b.refuses(406, inequivalent('durable', 'false', 'true'), (c) =>
    c.assertExchange(name, 'direct', { durable: false, autoDelete: true }),
  )
  await b.refuses(406, inequivalent('auto_delete', 'true', 'false'), (c) =>
    c.assertExchange(name, 'direct', { autoDelete: true, internal: true }),
  )
  await b.refuses(406, inequivalent('internal', 'true', 'false'), (c) =>
    c.assertExchange(name, 'direct', { internal: true }),
  )
  const unknown = `inequivalent arg 'alternate-exchange' for ${b.exchangeText(name)}: received the value 'z' of type 'longstr' but current is none`
  await b.refuses(406, unknown, (c) => c.assertExchange(name, 'direct', { alternateExchange: 'z' }))
  await channel.assertExchange(name, 'direct', { arguments: { 'x-whatever': 1 } })
})

scenario('the alternate exchange is part of what has to be the same', async (b) => {
  const channel = await b.channel()
  const name = await b.exchange(channel, 'direct', { alternateExchange: 'a' })
  const start = `inequivalent arg 'alternate-exchange' for ${b.exchangeText(name)}: received`
  await b.refuses(406, `${start} none but current is the value 'a' of type 'longstr'`, (c) =>
    c.assertExchange(name, 'direct'),
  )
  await b.refuses(406, `${start} 'b' but current is 'a'`, (c) =>
    c.assertExchange(name, 'direct', { alternateExchange: 'b' }),
  )
  const other = b.exchangeName()
  await b.refuses(406, `invalid type 'signedint' for arg 'alternate-exchange' in ${b.exchangeText(other)}`, (c) =>
    c.assertExchange(other, 'direct', { arguments: { 'alternate-exchange': { '!': 'int', value: 1 } } }),
  )
})

scenario('a passive declaration looks for the name alone', async (b) => {
  const channel = await b.channel()
  await channel.checkExchange('amq.direct')
  await b.refuses(404, `no ${b.exchangeText('no-such-exchange')}`, (c) => c.checkExchange('no-such-exchange'))
})

scenario('an exchange of an unknown type is refused', async (b) => {
  const name = b.exchangeName()
  if (differs('exchangeTypeUnknown')) {
    await b.refusesConnection(503, "unknown exchange type 'x-no-such-type'", (c) =>
      c.assertExchange(name, 'x-no-such-type'),
    )
  } else {
    await b.refuses(406, "unknown exchange type 'x-no-such-type'", (c) => c.assertExchange(name, 'x-no-such-type'))
  }
})

scenario('names of the broker are reserved', async (b) => {
  await b.refuses(403, "exchange name 'amq.mine' contains reserved prefix 'amq.*'", (c) =>
    c.assertExchange('amq.mine', 'direct'),
  )
  const channel = await b.channel()
  await channel.assertExchange('amq.topic', 'topic')
  await b.refuses(403, `deletion of system ${b.exchangeText('amq.topic')} not allowed`, (c) =>
    c.deleteExchange('amq.topic'),
  )
})

scenario('the predeclared exchanges are there', async (b) => {
  const channel = await b.channel()
  const types = { direct: 'direct', fanout: 'fanout', topic: 'topic', headers: 'headers', match: 'headers' }
  for (const [name, type] of Object.entries(types)) await channel.assertExchange(`amq.${name}`, type)
  await channel.assertExchange('amq.rabbitmq.trace', 'topic', { internal: true })
})

scenario('the default exchange is not to be touched', async (b) => {
  const text = 'operation not permitted on the default exchange'
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await b.refuses(403, text, (c) => c.assertExchange('', 'direct'))
  await b.refuses(403, text, (c) => c.checkExchange(''))
  await b.refuses(403, text, (c) => c.deleteExchange(''))
  await b.refuses(403, text, (c) => c.bindQueue(queue, '', 'key'))
  await b.refuses(403, text, (c) => c.unbindQueue(queue, '', queue))
  await b.refuses(403, text, (c) => c.bindExchange('amq.fanout', '', 'key'))
  await b.refuses(403, text, (c) => c.bindExchange('', 'amq.fanout', 'key'))
})

scenario('the default exchange reaches every queue by its name', async (b) => {
  const channel = await b.channel()
  const queue = await b.queue(channel)
  await send(channel, queue, ['hello'])
  assert.deepEqual(await fetchTexts(channel, queue), ['hello'])
})

scenario('deleting an exchange that is missing is a success', async (b) => {
  const channel = await b.channel()
  await channel.deleteExchange(b.exchangeName())
})

scenario('if-unused keeps an exchange that has bindings leading from it', async (b) => {
  const channel = await b.channel()
  const name = await b.exchange(channel, 'fanout')
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, name, '')
  await b.refuses(406, `${b.exchangeText(name)} in use`, (c) => c.deleteExchange(name, { ifUnused: true }))
  await channel.unbindQueue(queue, name, '')
  await channel.bindExchange(name, 'amq.fanout', '')
  await channel.deleteExchange(name, { ifUnused: true })
  await b.refuses(404, `no ${b.exchangeText(name)}`, (c) => c.checkExchange(name))
})

scenario('deleting an exchange takes its bindings along', async (b) => {
  const channel = await b.channel()
  const name = await b.exchange(channel, 'fanout')
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, name, '')
  await channel.deleteExchange(name)
  await channel.assertExchange(name, 'fanout')
  await confirmed(channel, name, '', 'lost')
  assert.deepEqual(await fetchTexts(channel, queue), [])
})

scenario('an auto-delete exchange goes with the last binding that leads from it', async (b) => {
  const channel = await b.channel()
  const name = await b.exchange(channel, 'direct', { autoDelete: true })
  await channel.checkExchange(name)
  const queue = await b.queue(channel)
  await channel.bindQueue(queue, name, 'a')
  await channel.bindQueue(queue, name, 'b')
  await channel.unbindQueue(queue, name, 'a')
  await channel.checkExchange(name)
  await channel.unbindQueue(queue, name, 'b')
  await b.refuses(404, `no ${b.exchangeText(name)}`, (c) => c.checkExchange(name))
})

scenario('an auto-delete exchange goes when the queue or the exchange that it feeds goes', async (b) => {
  const channel = await b.channel()
  const feeder = await b.exchange(channel, 'fanout', { autoDelete: true })
  const middle = await b.exchange(channel, 'fanout', { autoDelete: true })
  const queue = await b.queue(channel)
  await channel.bindExchange(middle, feeder, '')
  await channel.bindQueue(queue, middle, '')
  await channel.deleteQueue(queue)
  await b.refuses(404, `no ${b.exchangeText(middle)}`, (c) => c.checkExchange(middle))
  await b.refuses(404, `no ${b.exchangeText(feeder)}`, (c) => c.checkExchange(feeder))
})

scenario('clients cannot publish to an internal exchange, other exchanges can', async (b) => {
  const channel = await b.channel()
  const name = await b.exchange(channel, 'fanout', { internal: true })
  const queue = await b.queue(channel)
  const front = await b.exchange(channel, 'fanout')
  await channel.bindQueue(queue, name, '')
  await channel.bindExchange(name, front, '')
  await b.refuses(403, `cannot publish to internal ${b.exchangeText(name)}`, (c) =>
    c.publish(name, '', Buffer.from('x')),
  )
  await confirmed(channel, front, '', 'by way of another')
  assert.deepEqual(await fetchTexts(channel, queue), ['by way of another'])
})

scenario('line breaks are taken out of names', async (b) => {
  const channel = await b.channel()
  const queue = b.queueName()
  const exchange = b.exchangeName()
  assert.equal((await channel.assertQueue(`${queue}\r\n`)).queue, queue)
  await channel.assertExchange(`\n${exchange}`, 'fanout')
  await channel.bindQueue(queue, exchange, '')
  await confirmed(channel, exchange, '', 'found')
  assert.deepEqual(await fetchTexts(channel, queue), ['found'])
})
