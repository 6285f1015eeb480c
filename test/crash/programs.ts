import { Connection, ConsumerStatus } from 'rabbitmq-client'
import { colourOf, compose, inspect } from './content.ts'
import { queuesOf, type Route } from './topology.ts'
import { Ended, type Life, Wire } from './wire.ts'

/*
 * What clients do while the broker lives. Each program goes on until `life.stopping`, and then ends in good order, with everything that it
 * asked for answered; or until the broker is gone, in the middle of whatever it was doing.
 */

/** Pace of the load, nothing that correctness depends on. */
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const nap = (life: Life, most: number): Promise<void> => pause(life.random.below(most + 1))

export interface PublisherOptions {
  readonly routes: readonly Route[]
  readonly persistent?: boolean
  readonly priorities?: boolean
  /** Publishes without confirm. */
  readonly window: number
  /** In one life. */
  readonly most: number
}

export async function publisher(life: Life, options: PublisherOptions): Promise<void> {
  const { routes, window, most, persistent = true, priorities = false } = options
  const wire = await Wire.open(life, 'publisher')
  for (let sent = 0; !life.stopping && sent < most;) {
    await wire.until(() => wire.unconfirmed < window || life.stopping)
    for (let burst = wire.random.below(20); burst >= 0; burst--, sent++) {
      wire.publish(wire.random.of(routes), wire.compose({ persistent, priorities }))
    }
    await nap(life, 10)
  }
  await wire.allConfirmed()
}

export type Style = 'ack' | 'multiple' | 'nack' | 'multiple nack' | 'requeue' | 'reject' | 'hold'

export interface ConsumerOptions {
  readonly queue: string
  readonly prefetch: number
  /** In hundredths, what becomes of a delivery; the rest is held until the end. */
  readonly styles: Readonly<Partial<Record<Style, number>>>
  /** Deliveries after which the rest is held. */
  readonly most: number
  /** Whether it closes its connection in the end, with what it holds; otherwise it waits for the broker to go. */
  readonly closes?: boolean
}

export async function consumer(life: Life, options: ConsumerOptions): Promise<void> {
  const wire = await Wire.open(life, `consumer-${options.queue}`)
  await wire.prefetch(options.prefetch)
  let left = options.most
  await wire.consume(options.queue, (tag) => {
    if (left-- <= 0) return
    settle(wire, tag, styleOf(wire, options.styles))
    if (wire.random.once(15)) wire.barrier()
  })
  await wire.until(() => life.stopping)
  await wire.cancel()
  wire.barrier()
  await wire.allConfirmed()
  if (options.closes === true) await wire.close()
}

function styleOf(wire: Wire, styles: ConsumerOptions['styles']): Style {
  let chance = wire.random.below(100)
  for (const [style, share] of Object.entries(styles)) {
    if (chance < share) return style as Style
    chance -= share
  }
  return 'hold'
}

function settle(wire: Wire, tag: number, style: Style): void {
  switch (style) {
    case 'ack':
      return wire.ack(tag)
    case 'multiple':
      return wire.ack(tag, true)
    case 'nack':
      return wire.requeue(tag, 'nack')
    case 'multiple nack':
      return wire.requeue(tag, 'nack', true)
    case 'requeue':
      return wire.requeue(tag, 'reject')
    case 'reject':
      return wire.reject(tag)
    case 'hold':
  }
}

/** basic.get, one at a time. */
export async function getter(life: Life, queue: string, most: number): Promise<void> {
  const wire = await Wire.open(life, `getter-${queue}`)
  for (let got = 0; !life.stopping && got < most; got++) {
    const tag = await wire.get(queue)
    if (tag === null) await nap(life, 20)
    else settle(wire, tag, styleOf(wire, { ack: 70, nack: 10, requeue: 10 }))
    if (wire.random.once(10)) wire.barrier()
  }
  wire.barrier()
  await wire.allConfirmed()
}

/** Publishes to several queues and acknowledges from one, all in one. */
export async function transactor(life: Life, queue: string, routes: readonly Route[]): Promise<void> {
  const wire = await Wire.open(life, `tx-${queue}`, 'tx')
  await wire.prefetch(30)
  const tags: number[] = []
  await wire.consume(queue, (tag) => tags.push(tag))
  while (!life.stopping) {
    const open = [...tags]
    for (let i = wire.random.below(6); i >= 0; i--) wire.publish(wire.random.of(routes), wire.compose())
    const settled = open.splice(0, wire.random.below(5))
    for (const tag of settled) wire.ack(tag)
    await nap(life, 8)
    if (wire.random.once(6)) {
      await wire.rollback()
    } else {
      await wire.commit()
      for (const tag of settled) tags.splice(tags.indexOf(tag), 1)
    }
  }
  await wire.cancel()
  await wire.commit()
}

/** Comes, does a little of everything, and vanishes without a word, time and again. */
export async function vanisher(life: Life, queue: string, routes: readonly Route[]): Promise<void> {
  while (!life.stopping) {
    const wire = await Wire.open(life, `vanisher-${queue}`)
    await wire.prefetch(20)
    await wire.consume(queue, (tag) => settle(wire, tag, styleOf(wire, { ack: 30, nack: 10, requeue: 5 })))
    for (let i = wire.random.below(30); i >= 0; i--) wire.publish(wire.random.of(routes), wire.compose())
    await nap(life, 60)
    await wire.cut()
    await nap(life, 60)
  }
}

/** The other client library: publishes with confirms, several at a time, so that their order is not known. */
export async function otherPublisher(life: Life, routes: readonly Route[], most: number): Promise<void> {
  const name = life.name('other-publisher')
  const book = life.ledger.openChannel(name)
  await withOtherClient(life, async (connection) => {
    const sender = connection.createPublisher({ confirm: true })
    let next = 0
    const worker = async (): Promise<void> => {
      while (!life.stopping && next < most) {
        const outgoing = compose(name, next++, { other: true })
        const { options, facts, body } = outgoing
        const { headers, ...properties } = options
        const route = life.random.of(routes)
        const publication = book.publish(facts, queuesOf(route, colourOf(outgoing)))
        const envelope = { ...properties, headers: { ...headers }, exchange: route.exchange }
        try {
          await sender.send({ ...envelope, routingKey: route.key }, body)
          book.confirmed(publication)
        } catch (error) {
          if (life.ending) throw new Ended(name, { cause: error })
          if ((error as { code?: unknown }).code !== 'NACK') throw error
          book.refused(publication)
        }
        await nap(life, 15)
      }
    }
    await Promise.all([worker(), worker(), worker(), worker()])
    await sender.close()
  })
}

/** The other client library: acknowledges some, gives some back. */
export async function otherConsumer(life: Life, queue: string, most: number): Promise<void> {
  const book = life.ledger.openChannel(life.name(`other-consumer-${queue}`))
  await withOtherClient(life, async (connection) => {
    book.consumes(queue)
    let left = most
    let tag = 0
    let release: () => void = () => {}
    const over = new Promise<void>((resolve) => (release = resolve))
    const receiver = connection.createConsumer({ queue, qos: { prefetchCount: 20 } }, async (message) => {
      const own = ++tag
      const { body, redelivered, messageId, headers } = message
      const properties = { messageId, headers }
      const copy = book.delivered(queue, own, inspect({ body: body as Buffer, redelivered, properties }, false))
      if (left-- <= 0) await over
      if (copy === null || life.random.once(2)) {
        book.ack(own)
        return ConsumerStatus.ACK
      }
      book.requeue(own, 'nack')
      return ConsumerStatus.REQUEUE
    })
    receiver.on('error', () => {})
    while (!life.stopping && !life.ending) await pause(10)
    release()
    await receiver.close()
    // each answer was sent before the channel was closed, and the close was answered
    book.settled()
    book.lost('closed')
  })
}

async function withOtherClient(life: Life, use: (connection: Connection) => Promise<void>): Promise<void> {
  const connection = new Connection({ hostname: '127.0.0.1', port: life.port, retryLow: 60_000, noDelay: true })
  connection.on('error', (error: Error) => {
    if (!life.ending) life.ledger.complain(`rabbitmq-client: ${error.message}`)
  })
  const gone = new Promise<never>((_resolve, reject) => {
    life.onEnd(() => reject(new Ended('rabbitmq-client')))
  })
  try {
    await connection.onConnect(10_000)
    await Promise.race([use(connection), gone])
    await Promise.race([connection.close(), gone])
  } finally {
    connection.unsafeDestroy()
  }
}
