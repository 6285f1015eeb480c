import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ChannelBook } from './channel-book.ts'
import { compose, inspect } from './content.ts'
import type { Copy } from './copy.ts'
import { type Delivery, type Ending, Ledger, type QueueFacts } from './ledger.ts'

// The books of the crash harness themselves: right histories are taken, and of each kind of wrong one the mistake is told. Otherwise a
// harness that finds nothing would prove nothing.

const CLASSIC: QueueFacts = { name: 'q', type: 'classic', maxPriority: 0, durable: true }

/** A broker that never was: what clients did is told to the ledger, and what they found after a restart. */
class History {
  readonly ledger = new Ledger()
  #channels = 0
  #tag = 0

  constructor(...queues: readonly QueueFacts[]) {
    for (const queue of queues) this.ledger.addQueue(queue)
  }

  channel(): ChannelBook {
    return this.ledger.openChannel(`channel ${++this.#channels}`)
  }

  /** Publishes so many messages of one publisher, confirmed or not. @returns their ids */
  publish(
    count: number,
    { queues = ['q'], confirmed = true, priorities = [] as number[], persistent = true } = {},
  ): string[] {
    const channel = this.channel()
    return Array.from({ length: count }, (_, i) => {
      const id = `${channel.name}-${i}`
      const message = { id, publisher: channel.name, number: i, persistent, priority: priorities[i] ?? null }
      const publication = channel.publish(message, queues)
      if (confirmed) channel.confirmed(publication)
      return id
    })
  }

  barrier(channel: ChannelBook): void {
    const id = `barrier ${++this.#tag}`
    const message = { id, publisher: channel.name, number: -1, persistent: true, priority: null }
    if (!this.ledger.queues.has('barrier')) this.ledger.addQueue({ ...CLASSIC, name: 'barrier' })
    channel.confirmed(channel.publish(message, ['barrier']))
  }

  deliver(channel: ChannelBook, id: string, facts: Partial<Delivery> & { queue?: string } = {}): number {
    const { queue = 'q', ...rest } = facts
    channel.consumes(queue)
    channel.delivered(queue, ++this.#tag, delivery(id, rest))
    return this.#tag
  }

  restart(how: Ending = 'killed'): void {
    this.ledger.restarted(how)
  }

  /** Looks at the whole queue, as after a restart. */
  find(found: readonly (string | (Partial<Delivery> & { id: string }))[], queue = 'q'): void {
    const channel = this.channel()
    const copies: Copy[] = []
    channel.consumes(queue)
    for (const item of found) {
      const facts = typeof item === 'string' ? delivery(item) : delivery(item.id, item)
      const copy = channel.delivered(queue, ++this.#tag, facts)
      if (copy !== null) copies.push(copy)
    }
    this.ledger.observed(this.ledger.queue(queue), copies)
  }

  expectGood(): void {
    assert.deepEqual(this.ledger.mistakes, [])
  }

  expectMistake(pattern: RegExp): void {
    assert.ok(this.ledger.mistakes.length > 0, 'nothing was found')
    assert.match(this.ledger.mistakes[0]!, pattern)
  }
}

const delivery = (id: string, facts: Partial<Delivery> = {}): Delivery => ({
  id,
  damage: null,
  redelivered: false,
  deliveryCount: 0,
  acquiredCount: 0,
  deaths: [],
  ...facts,
})

const again = (id: string, facts: Partial<Delivery> = {}): Delivery => delivery(id, { redelivered: true, ...facts })

describe('what is confirmed', () => {
  test('is there after a restart, once and in order', () => {
    const history = new History(CLASSIC)
    const ids = history.publish(3)
    history.restart()
    history.find(ids)
    history.expectGood()
  })

  test('must not be lost', () => {
    const history = new History(CLASSIC)
    const [a, b] = history.publish(2)
    history.restart()
    history.find([a!])
    history.expectMistake(/message channel 1-1 in queue q: lost/)
    assert.ok(b !== undefined)
  })

  test('must not be lost in one of its queues', () => {
    const history = new History(CLASSIC, { ...CLASSIC, name: 'r' })
    const ids = history.publish(1, { queues: ['q', 'r'] })
    history.restart()
    history.find(ids)
    history.expectGood()
    history.find([], 'r')
    history.expectMistake(/in queue r: lost/)
  })

  test('must not be there twice', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    history.restart()
    history.find([a!, a!])
    history.expectMistake(/delivered while|more than once/)
  })

  test('must not be found missing by number alone', () => {
    const history = new History(CLASSIC)
    history.publish(3)
    history.restart()
    history.ledger.counted(history.ledger.queue('q'), 2)
    history.expectMistake(/has 2 messages, not 3 to 3/)
  })

  test('must not show up in another queue, nor out of nothing', () => {
    const history = new History(CLASSIC, { ...CLASSIC, name: 'r' })
    const ids = history.publish(1)
    history.restart()
    history.find([ids[0]!], 'r')
    history.expectMistake(/in queue r: nobody has published it there/)
  })

  test('must come whole', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    history.restart()
    history.find([{ id: a!, damage: 'has 3 bytes, not 4' }])
    history.expectMistake(/has 3 bytes/)
  })
})

describe('what is not confirmed', () => {
  test('may be there or not, but stays what it was found to be', () => {
    for (const there of [true, false]) {
      const history = new History(CLASSIC)
      const [a] = history.publish(1, { confirmed: false })
      history.restart()
      history.find(there ? [a!] : [])
      history.restart()
      history.expectGood()
      history.find(there ? [] : [a!])
      history.expectMistake(there ? /lost/ : /came back/)
    }
  })

  test('must not be there twice', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1, { confirmed: false })
    history.restart()
    history.find([a!, a!])
    history.expectMistake(/delivered while/)
  })
})

describe('what is acknowledged', () => {
  test('may come back unless something later was confirmed', () => {
    const history = new History(CLASSIC)
    const [a, b] = history.publish(2)
    const consumer = history.channel()
    consumer.ack(history.deliver(consumer, a!))
    consumer.ack(history.deliver(consumer, b!))
    history.restart()
    history.find([again(a!)])
    history.expectGood()
  })

  test('must not come back when something later was confirmed', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    const consumer = history.channel()
    consumer.ack(history.deliver(consumer, a!))
    history.barrier(consumer)
    history.restart()
    history.find([again(a!)])
    history.expectMistake(/came back/)
  })

  test('counts with all up to it', () => {
    const history = new History(CLASSIC)
    const [a, b, c] = history.publish(3)
    const consumer = history.channel()
    history.deliver(consumer, a!)
    const tag = history.deliver(consumer, b!)
    history.deliver(consumer, c!)
    consumer.ack(tag, true)
    history.barrier(consumer)
    history.restart()
    history.find([again(c!)])
    history.expectGood()
    history.restart()
    history.find([again(a!), again(c!)])
    history.expectMistake(/-0 in queue q: came back/)
  })

  test('is not safe by the confirm of what was sent before it, nor of another channel, nor of what needs no disk', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    const consumer = history.channel()
    const tag = history.deliver(consumer, a!)
    const message = { id: 'x', publisher: 'x', number: 0, persistent: true, priority: null }
    const before = consumer.publish(message, ['q'])
    consumer.ack(tag)
    consumer.confirmed(before)
    history.barrier(history.channel())
    consumer.confirmed(consumer.publish({ ...message, id: 't', persistent: false }, ['q']))
    history.restart()
    history.find([again(a!), 'x'])
    history.expectGood()
  })

  test('must not be delivered again while the connection lives', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    const consumer = history.channel()
    consumer.ack(history.deliver(consumer, a!))
    history.deliver(history.channel(), a!, { redelivered: true })
    history.expectMistake(/delivered again after it was settled/)
  })

  test('may be delivered again when the connection was cut, and is acknowledged then', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    const consumer = history.channel()
    consumer.ack(history.deliver(consumer, a!))
    consumer.lost('cut')
    const other = history.channel()
    other.ack(history.deliver(other, a!, { redelivered: true, deliveryCount: 1 }))
    history.barrier(other)
    history.expectGood()
    history.restart()
    history.find([again(a!)])
    history.expectMistake(/came back/)
  })

  test('may be delivered again when its delivery was heard of after the end of the connection', () => {
    for (const how of ['broker', 'cut'] as const) {
      const history = new History(CLASSIC)
      const [id] = history.publish(1)
      const channel = history.channel()
      channel.consumes('q')
      channel.lost(how)
      history.deliver(channel, id!)
      if (how === 'broker') history.restart('stopped')
      history.deliver(history.channel(), id!, { redelivered: true })
      history.expectGood()
    }
  })

  test('must not be with two consumers at once', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    history.deliver(history.channel(), a!)
    history.deliver(history.channel(), a!, { redelivered: true })
    history.expectMistake(/while channel 2 holds it/)
  })
})

describe('order', () => {
  test('is that of publishing', () => {
    const history = new History(CLASSIC)
    const [a, b] = history.publish(2)
    history.restart()
    history.find([b!, a!])
    history.expectMistake(/channel 1-1 comes before channel 1-0, which was published first/)
  })

  test('is by priority first', () => {
    const history = new History({ ...CLASSIC, maxPriority: 5 })
    const [low, high, highest, other] = history.publish(4, { priorities: [1, 3, 9, 5] })
    history.restart()
    history.find([highest!, other!, high!, low!])
    history.expectGood()
    history.restart()
    history.find([again(high!), again(highest!), again(other!), again(low!)])
    history.expectMistake(/which has a higher priority/)
  })

  test('of what was published in an earlier life is earlier', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    history.restart()
    const [b] = history.publish(1)
    history.restart()
    history.find([b!, a!])
    history.expectMistake(/from an earlier life/)
  })

  test('stays as it was seen, whoever published', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    const [b] = history.publish(1)
    history.restart()
    history.find([b!, a!])
    history.restart()
    history.expectGood()
    history.find([again(a!), again(b!)])
    history.expectMistake(/stood first when both were last seen/)
  })

  const quorum: QueueFacts = { ...CLASSIC, type: 'quorum' }

  test('of a quorum queue begins with what was given back', () => {
    const history = new History(quorum)
    const [a, b, c] = history.publish(3)
    const consumer = history.channel()
    const tags = [a, b].map((id) => history.deliver(consumer, id!))
    consumer.requeue(tags[1]!, 'nack')
    history.barrier(consumer)
    history.restart()
    history.find([again(b!, { acquiredCount: 1 }), again(a!), c!])
    history.expectGood()
    const other = new History(quorum)
    const [x, y] = other.publish(2)
    const client = other.channel()
    client.requeue(other.deliver(client, x!), 'nack')
    other.barrier(client)
    other.restart()
    other.find([y!, again(x!, { acquiredCount: 1 })])
    other.expectMistake(/which was given back/)
  })

  test('of a quorum queue has fresh messages by priority, 4 where there is none', () => {
    const history = new History(quorum)
    const [low, high] = history.publish(2, { priorities: [3, 5] })
    const [usual] = history.publish(1)
    history.restart()
    history.find([high!, usual!, low!])
    history.expectGood()
    history.restart()
    history.find([again(high!), again(low!), again(usual!)])
    history.expectMistake(/higher priority/)
  })
})

describe('flags and counts', () => {
  test('redelivered is true for what was seen', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    history.deliver(history.channel(), a!)
    history.restart()
    history.find([a!])
    history.expectMistake(/redelivered is false/)
  })

  test('redelivered is false where there was no consumer', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    history.restart()
    history.find([again(a!)])
    history.expectMistake(/redelivered is true/)
  })

  test('redelivered may be either for what a killed broker may have delivered, and not after a stop when all was quiet', () => {
    for (const how of ['killed', 'quiet'] as const) {
      const history = new History(CLASSIC)
      const [a, b] = history.publish(2)
      history.deliver(history.channel(), a!)
      history.restart(how)
      history.find([again(a!, { deliveryCount: how === 'quiet' ? 1 : 0 }), again(b!)])
      if (how === 'killed') history.expectGood()
      else history.expectMistake(/-1 in queue q: redelivered is true/)
    }
  })

  test('returns are counted when something later was confirmed', () => {
    for (const [type, facts, mistake] of [
      ['classic', { deliveryCount: 2 }, null],
      ['classic', { deliveryCount: 1 }, /x-delivery-count is 1, not 2 to/],
      ['quorum', { deliveryCount: 1, acquiredCount: 2 }, null],
      ['quorum', { deliveryCount: 0, acquiredCount: 2 }, /x-delivery-count is 0, not 1 to/],
      ['quorum', { deliveryCount: 1, acquiredCount: 1 }, /x-acquired-count is 1, not 2 to/],
      ['quorum', { deliveryCount: 1, acquiredCount: 9 }, /x-acquired-count is 9, not 2 to/],
    ] as const) {
      const history = new History({ ...CLASSIC, type })
      const [a] = history.publish(1)
      const consumer = history.channel()
      consumer.requeue(history.deliver(consumer, a!), 'reject')
      const counts = { deliveryCount: 1, acquiredCount: type === 'quorum' ? 1 : 0 }
      consumer.requeue(history.deliver(consumer, a!, { redelivered: true, ...counts }), 'nack')
      history.barrier(consumer)
      history.expectGood()
      history.restart()
      history.find([again(a!, facts)])
      if (mistake === null) history.expectGood()
      else history.expectMistake(mistake)
    }
  })
})

describe('transactions', () => {
  const queues = [CLASSIC, { ...CLASSIC, name: 'r' }] as const

  /** Publishes a message to each queue and acknowledges one. */
  function transaction(): { history: History; channel: ChannelBook; acked: string } {
    const history = new History(...queues)
    const [acked] = history.publish(1)
    const channel = history.channel()
    channel.selectTransactions()
    const tag = history.deliver(channel, acked!)
    for (const queue of ['q', 'r']) {
      channel.publish({ id: `in ${queue}`, publisher: 'tx', number: 0, persistent: true, priority: null }, [queue])
    }
    channel.ack(tag)
    return { history, channel, acked: acked! }
  }

  test('are there when the commit was answered', () => {
    const { history, channel, acked } = transaction()
    channel.commitSent()
    channel.committed()
    history.restart()
    history.find(['in q'])
    history.find(['in r'], 'r')
    history.expectGood()
    history.restart()
    history.find([again(acked), again('in q')])
    history.expectMistake(/came back/)
  })

  test('must not be lost when the commit was answered', () => {
    const { history, channel } = transaction()
    channel.commitSent()
    channel.committed()
    history.restart()
    history.find([], 'r')
    history.expectMistake(/in r in queue r: lost/)
  })

  test('are all or nothing when the commit was not answered', () => {
    const outcomes: [q: string[], r: string[], good: boolean][] = [
      [['in q'], ['in r'], true],
      [['acked'], [], true],
      [['in q'], [], false],
      [['acked'], ['in r'], false],
      [[], [], false],
      [['acked', 'in q'], ['in r'], false],
    ]
    for (const [q, r, good] of outcomes) {
      const { history, channel, acked } = transaction()
      channel.commitSent()
      history.restart()
      history.find(q.map((id) => (id === 'acked' ? again(acked) : id)))
      history.find(r, 'r')
      if (good) history.expectGood()
      else history.expectMistake(/torn transaction/)
    }
  })

  test('are nothing when no commit was sent, or they were rolled back', () => {
    const { history, acked } = transaction()
    history.restart()
    history.find([again(acked)])
    history.find([], 'r')
    history.expectGood()
    history.restart()
    history.find([again(acked), 'in q'])
    history.expectMistake(/in q in queue q: came back/)
    const other = transaction()
    other.channel.rolledBack(new Map())
    other.history.restart()
    other.history.find(['in r'], 'r')
    other.history.expectMistake(/came back/)
  })

  test('are not judged by what was acknowledged since', () => {
    const { history, channel } = transaction()
    channel.commitSent()
    const consumer = history.channel()
    consumer.ack(history.deliver(consumer, 'in r', { queue: 'r' }))
    history.restart()
    history.find(['in q'])
    history.find([], 'r')
    history.expectGood()
  })
})

describe('dead letters', () => {
  const deaths = [{ queue: 'q', reason: 'rejected' }]

  function rejected(atLeastOnce: boolean, sure: boolean): { history: History; id: string } {
    const history = new History({ ...CLASSIC, dead: { queue: 'dead', atLeastOnce } }, { ...CLASSIC, name: 'dead' })
    const [id] = history.publish(1)
    const consumer = history.channel()
    consumer.reject(history.deliver(consumer, id!))
    if (sure) history.barrier(consumer)
    history.restart()
    return { history, id: id! }
  }

  test('are in their queue once their rejection is sure', () => {
    const { history, id } = rejected(false, true)
    history.find([])
    history.find([{ id, deaths }], 'dead')
    history.expectGood()
    for (const [q, dead, mistake] of [
      [[again(id)], [], /came back/],
      [[], [], /in queue dead: lost/],
      [[], [delivery(id)], /x-death is \[\], not rejected in q/],
    ] as const) {
      const { history: other } = rejected(false, true)
      other.find(q)
      other.find(dead, 'dead')
      other.expectMistake(mistake)
    }
  })

  test('are in one of the two queues before that, in whichever order these are looked at', () => {
    const outcomes: [source: boolean, dead: boolean, mistake: RegExp | null][] = [
      [true, false, null],
      [false, true, null],
      [false, false, /lost/],
      [true, true, /came back|also in/],
    ]
    for (const [source, dead, mistake] of outcomes) {
      for (const sourceFirst of [true, false]) {
        const { history, id } = rejected(false, false)
        const looks = [
          () => history.find(source ? [again(id)] : []),
          () => history.find(dead ? [{ id, deaths }] : [], 'dead'),
        ]
        for (const look of sourceFirst ? looks : looks.toReversed()) look()
        if (mistake === null) history.expectGood()
        else history.expectMistake(mistake)
      }
    }
  })

  test('at least once may come twice, but not never', () => {
    const { history, id } = rejected(true, true)
    history.find([])
    history.find(
      [
        { id, deaths },
        { id, deaths },
      ],
      'dead',
    )
    history.expectGood()
    const { history: other } = rejected(true, true)
    other.find([])
    other.find([], 'dead')
    other.expectMistake(/in queue dead: lost/)
  })
})

describe('what a restart ends', () => {
  test('transient messages, but not in a quorum queue', () => {
    const history = new History(CLASSIC, { ...CLASSIC, name: 'r', type: 'quorum' })
    const [a] = history.publish(1, { queues: ['q', 'r'], persistent: false })
    history.restart('quiet')
    history.find([a!], 'r')
    history.expectGood()
    history.find([a!])
    history.expectMistake(/in queue q: came back/)
  })

  test('messages of queues that are not durable', () => {
    const history = new History({ ...CLASSIC, durable: false })
    const [a] = history.publish(1)
    history.restart()
    history.find([a!])
    history.expectMistake(/nobody has published it there/)
  })

  test('messages of a queue that was deleted, when another takes its name', () => {
    const history = new History(CLASSIC)
    const [a] = history.publish(1)
    history.ledger.deleted('q')
    history.restart()
    history.find([])
    history.expectGood()
    history.find([a!])
    history.expectMistake(/nobody has published it there/)
  })
})

describe('the contents', () => {
  const made = compose('p', 7, { priorities: true })
  const received = { body: made.body, redelivered: false, properties: { ...made.options } }

  test('are what was published, with what the broker adds', () => {
    assert.equal(inspect(received).damage, null)
    const headers = { ...made.options.headers, 'x-delivery-count': 2, 'x-acquired-count': 3, 'x-death': [] }
    const found = inspect({ ...received, properties: { ...received.properties, headers } })
    assert.deepEqual([found.damage, found.deliveryCount, found.acquiredCount], [null, 2, 3])
  })

  test('are found out when they are torn, mixed up or changed', () => {
    const large = Array.from({ length: 100 }, (_, i) => compose('p', i)).find(({ body }) => body.length > 50)!
    const properties = { ...large.options }
    const whole = { body: large.body, redelivered: false, properties }
    assert.equal(inspect(whole).damage, null)
    const changed = Buffer.from(large.body)
    changed[40]! ^= 1
    for (const [wrong, damage] of [
      [{ ...whole, body: large.body.subarray(1) }, /bytes, not/],
      [{ ...whole, body: changed }, /differs from byte 40 of/],
      [{ ...whole, properties: { ...properties, deliveryMode: 1 } }, /properties are/],
      [{ ...whole, properties: { ...properties, headers: {} } }, /properties are/],
      [{ ...whole, properties: { ...properties, messageId: 'z' } }, /its id is not one of ours/],
    ] as const) {
      assert.match(inspect(wrong).damage!, damage)
    }
  })

  test('are large now and then, and empty', () => {
    const sizes = Array.from({ length: 3000 }, (_, i) => compose('p', i).body.length)
    assert.ok(Math.max(...sizes) > 100_000 && Math.max(...sizes) <= 300_000)
    assert.ok(sizes.includes(0))
  })
})
