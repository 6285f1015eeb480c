import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Field, long, type Table } from '../../src/core/fields.ts'
import { type Client, CoreBench, type Delivery } from '../support/core-bench.ts'
import { PagingStore } from '../support/paging-store.ts'

// A queue that retries, and a model of it: what failed how often, why, and when it comes back. The broker may crash at any time; what was
// out then has not failed, and all else goes on where it was.

const SESSIONS = 2

interface Settings {
  readonly type: 'classic' | 'quorum'
  /** -1 for what is not given, as in the next ones. */
  readonly attempts: number
  readonly initialMs: number
  readonly multiplier: number
  readonly maxMs: number
  readonly jitter: number
  /** -1 for none, on quorum queues too. */
  readonly deliveryLimit: number
  readonly delayedRetryMs: number
  readonly budget: number
}

type How = 'ack' | 'discard' | 'rejected' | 'returned'

type Operation =
  | { readonly kind: 'publish'; readonly persistent: boolean; readonly ttlMs: number }
  | { readonly kind: 'get'; readonly session: number }
  | {
      readonly kind: 'settle'
      readonly session: number
      readonly pick: number
      readonly how: How
      readonly askMs: number
    }
  | { readonly kind: 'recover' | 'close'; readonly session: number }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'crash' }

const kind = <K extends string>(name: K): fc.Arbitrary<K> => fc.constant(name)
const session = fc.nat(SESSIONS - 1)
const often = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other })

const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind('publish'),
      persistent: fc.boolean(),
      ttlMs: often(-1, fc.constantFrom(5, 50, 500, 2000)),
    }),
  },
  { weight: 12, arbitrary: fc.record({ kind: kind('get'), session }) },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: kind('settle'),
      session,
      pick: fc.nat(),
      how: fc.constantFrom<How>('rejected', 'returned', 'rejected', 'returned', 'ack', 'discard'),
      askMs: often(-1, fc.constantFrom(0, 1, 30, 3000)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind('recover'), session }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('close'), session }) },
  { weight: 10, arbitrary: fc.record({ kind: kind('advance'), ms: fc.constantFrom(1, 3, 10, 40, 200, 2000) }) },
  { weight: 2, arbitrary: fc.record({ kind: kind('crash') }) },
)

const settings: fc.Arbitrary<Settings> = fc.record({
  type: fc.constantFrom('classic', 'quorum'),
  attempts: fc.constantFrom(-1, 1, 2, 3, 5),
  initialMs: fc.constantFrom(-1, 0, 1, 10, 25, 1500),
  multiplier: fc.constantFrom(1, 1.5, 2, 3),
  maxMs: fc.constantFrom(-1, 5, 60, 100_000),
  jitter: often(0, fc.constantFrom(0.2, 0.5, 1)),
  deliveryLimit: often(-1, fc.nat(3)),
  delayedRetryMs: often(-1, fc.constant(7)),
  budget: fc.constantFrom(0, Infinity),
})

function argumentsOf(given: Settings): Table {
  const args: Record<string, number | string> = {
    'x-queue-type': given.type,
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': 'dead',
    'x-delivery-limit': given.deliveryLimit,
    'x-retry-multiplier': given.multiplier,
    'x-retry-jitter': given.jitter,
  }
  if (given.attempts >= 0) args['x-retry-max-attempts'] = given.attempts
  if (given.initialMs >= 0) args['x-retry-initial-delay'] = given.initialMs
  if (given.maxMs >= 0) args['x-retry-max-delay'] = given.maxMs
  if (given.delayedRetryMs >= 0) {
    args['x-delayed-retry-type'] = 'all'
    args['x-delayed-retry-min'] = given.delayedRetryMs
  }
  return new Map(Object.entries(args).map(([key, value]): [string, Field] => [key, fieldOf(value)]))
}

function fieldOf(value: number | string): Field {
  if (typeof value === 'string') return { type: 'longstr', value }
  return Number.isInteger(value) ? { type: 'long', value } : { type: 'double', value }
}

/** The same numbers for broker and model. */
function dice(): () => number {
  let state = 42
  return () => {
    state = (state * 16_807) % 0x7fff_ffff
    return (state - 1) / 0x7fff_fffe
  }
}

interface ModelMessage {
  readonly body: string
  readonly expiresAt: number
  readonly persistent: boolean
  /** The session that has it, or null. */
  holder: number | null
  /** When it is to be had. */
  dueAt: number
  returns: number
  counted: number
  reason: string | null
  /** What is told of its last pause: null before the first. */
  told: number | null
}

const textOfDeath = (body: string, reason: string, count: unknown, last: unknown, time: unknown): string =>
  [body, reason, count ?? '-', last ?? '-', time ?? '-'].join(' ')

class Model {
  messages: ModelMessage[] = []
  readonly dead: string[] = []
  now = 0
  readonly #settings: Settings
  readonly #random = dice()

  constructor(given: Settings) {
    this.#settings = given
  }

  get retries(): boolean {
    return this.#settings.attempts >= 0 || this.#settings.initialMs >= 0
  }

  die(message: ModelMessage, reason: string): void {
    this.messages = this.messages.filter((other) => other !== message)
    const { body, returns, reason: last, told } = message
    if (last === null) this.dead.push(textOfDeath(body, reason, null, null, null))
    else this.dead.push(textOfDeath(body, reason, returns, last, told === null ? null : Math.floor(told / 1000)))
  }

  comeBack(message: ModelMessage, reason: string, askedMs: number): void {
    const { type, attempts, deliveryLimit } = this.#settings
    const asked = reason === 'lost' ? -1 : askedMs
    message.holder = null
    message.returns++
    if (type === 'classic' || reason !== 'returned') message.counted++
    const remembers = this.retries || asked >= 0 || message.reason !== null
    if (remembers) message.reason = reason
    if ((deliveryLimit >= 0 && message.counted > deliveryLimit) || (attempts >= 0 && message.returns >= attempts)) {
      this.die(message, 'delivery_limit')
      return
    }
    const rest = asked >= 0 ? asked : this.#restOf(message)
    message.dueAt = this.now + rest
    const { dueAt, expiresAt } = message
    if (remembers) message.told = expiresAt < 0 ? dueAt : Math.max(this.now, Math.min(dueAt, expiresAt))
    this.look()
  }

  #restOf({ returns, counted }: ModelMessage): number {
    const { initialMs, multiplier, maxMs, jitter, delayedRetryMs } = this.#settings
    if (initialMs < 0) return Math.max(0, delayedRetryMs) * Math.min(1, Math.max(1, counted))
    let rest = initialMs
    for (let i = 1; i < returns; i++) rest *= multiplier
    rest = Math.min(rest, maxMs < 0 ? 86_400_000 : maxMs)
    if (initialMs === 0) return 0
    return Math.round(jitter === 0 ? rest : rest * (1 - jitter * this.#random()))
  }

  /** What has expired, unless somebody has it. */
  look(): void {
    for (const message of this.messages) {
      if (message.holder === null && message.expiresAt >= 0 && message.expiresAt <= this.now) {
        this.die(message, 'expired')
      }
    }
  }

  crash(): void {
    const { type } = this.#settings
    this.messages = this.messages.filter(({ persistent }) => persistent || type === 'quorum')
    for (const message of this.messages) {
      if (message.holder === null) continue
      message.holder = null
      message.dueAt = this.now
    }
    this.look()
  }

  count(of: 'ready' | 'unacked' | 'held'): number {
    return this.messages.filter(({ holder, dueAt }) => {
      if (holder !== null) return of === 'unacked'
      return of === (dueAt > this.now ? 'held' : 'ready')
    }).length
  }
}

class Pair {
  readonly model: Model
  bench!: CoreBench
  #clients: Client[] = []
  readonly #out: Map<number, ModelMessage>[] = Array.from({ length: SESSIONS }, () => new Map<number, ModelMessage>())
  readonly #settings: Settings
  readonly #random = dice()
  #published = 0

  constructor(given: Settings) {
    this.#settings = given
    this.model = new Model(given)
  }

  async start(): Promise<this> {
    const store = new PagingStore()
    this.bench = await new CoreBench({ messageMemoryBytes: this.#settings.budget }, undefined, store).start()
    this.model.now = this.bench.clock.now()
    this.#enter()
    await this.bench.broker.commitMetadata()
    return this
  }

  #enter(): void {
    const { bench } = this
    bench.random = this.#random
    const client = bench.client()
    const queue = { passive: false, durable: true, exclusive: false, autoDelete: false }
    client.session.topology.declareQueue({ ...queue, name: 'q', arguments: argumentsOf(this.#settings) })
    client.session.topology.declareQueue({
      ...queue,
      name: 'dead',
      arguments: new Map([['x-queue-type', fieldOf('quorum')]]),
    })
    this.#clients = Array.from({ length: SESSIONS }, () => bench.client())
    for (const out of this.#out) out.clear()
  }

  async run(given: Operation): Promise<void> {
    const { model, bench } = this
    switch (given.kind) {
      case 'publish':
        this.#publish(given)
        break
      case 'get':
        this.#get(given.session)
        break
      case 'settle':
        this.#settle(given)
        break
      case 'recover':
        this.#clients[given.session]!.session.recover()
        this.#returnAll(given.session, 'returned')
        break
      case 'close':
        this.#clients[given.session]!.session.close()
        this.#clients[given.session] = bench.client()
        this.#returnAll(given.session, 'lost')
        break
      case 'advance':
        bench.advance(given.ms)
        for (let i = 0; i < given.ms; i++) {
          model.now++
          model.look()
        }
        break
      case 'crash':
        await this.#crash()
    }
    this.bench.settle()
    this.#compare()
  }

  #publish({ persistent, ttlMs }: Operation & { kind: 'publish' }): void {
    const body = `m${++this.#published}`
    const { now } = this.model
    this.#clients[0]!.publish('q', body, { persistent, ...(ttlMs < 0 ? {} : { ttlMs }) })
    const expiresAt = ttlMs < 0 ? -1 : now + ttlMs
    const fresh = { holder: null, dueAt: now, returns: 0, counted: 0, reason: null, told: null }
    this.model.messages.push({ body, expiresAt, persistent, ...fresh })
  }

  #get(at: number): void {
    const { model } = this
    const got = this.#clients[at]!.get('q')
    if (got === null) {
      assert.equal(model.count('ready'), 0)
      return
    }
    const message = model.messages.find(({ body }) => body === got.body)
    assert.ok(message !== undefined, `${got.body} is there`)
    assert.equal(message.holder, null, `${got.body} is nobody's`)
    assert.ok(message.dueAt <= model.now, `${got.body} is due in ${message.dueAt - model.now} ms`)
    const { returns, reason, told, counted } = message
    const facts = reason === null ? null : { count: returns, reason, time: Math.floor(told! / 1000) }
    assert.deepEqual([got.retry, got.deliveryCount], [facts, counted])
    message.holder = at
    this.#out[at]!.set(got.tag, message)
  }

  #settle({ session: at, pick, how, askMs }: Operation & { kind: 'settle' }): void {
    const out = this.#out[at]!
    const tags = [...out.keys()]
    const tag = tags[pick % tags.length]
    if (tag === undefined) return
    const message = out.get(tag)!
    out.delete(tag)
    const client = this.#clients[at]!
    if (askMs >= 0) {
      const headers: Table = new Map([
        ['x-delivery-tag', long(tag)],
        ['x-retry-delay', long(askMs)],
      ])
      client.publish('amq.retry', '', { headers })
    }
    const { model } = this
    if (how === 'ack') {
      client.ack(tag)
      model.messages = model.messages.filter((other) => other !== message)
    } else if (how === 'discard') {
      client.nack(tag, false, false)
      model.die(message, 'rejected')
    } else {
      if (how === 'rejected') client.session.reject(tag, true)
      else client.nack(tag, false, true)
      model.comeBack(message, how, askMs)
    }
  }

  #returnAll(at: number, reason: string): void {
    const out = this.#out[at]!
    for (const [, message] of [...out].sort(([a], [b]) => a - b)) this.model.comeBack(message, reason, -1)
    out.clear()
  }

  async #crash(): Promise<void> {
    const { bench } = this
    const { clock, metadata } = bench
    clock.timers.clear()
    const store = (bench.store as PagingStore).crash()
    this.bench = await new CoreBench({ messageMemoryBytes: this.#settings.budget }, metadata, store, clock).start()
    this.#enter()
    this.model.crash()
    this.bench.advance(0)
  }

  #compare(): void {
    const { model, bench } = this
    const { readyCount, unackedCount, heldCount } = bench.queue('q')
    const expected = (['ready', 'unacked', 'held'] as const).map((of) => model.count(of))
    assert.deepEqual([readyCount, unackedCount, heldCount], expected)
    assert.equal(bench.queue('dead').readyCount, model.dead.length)
  }

  /** The dead letters tell what the model does, and nothing is left behind. */
  finish(): void {
    const { bench, model } = this
    const client = bench.client()
    const found: string[] = []
    for (let got = client.get('dead', true); got !== null; got = client.get('dead', true)) found.push(storyOf(got))
    assert.deepEqual(found.sort(), model.dead.sort())
    bench.vhost.removeQueue(bench.queue('q'))
    for (const each of this.#clients) each.session.close()
    bench.settle()
    assert.deepEqual([bench.store.stats().messages, bench.broker.memory.entries], [0, 0])
    assert.deepEqual(bench.failures, [])
  }
}

function storyOf({ body, headers }: Delivery): string {
  const [death] = headers.get('x-death')!.value as Field[]
  const told = death!.value as Table
  assert.equal(told.get('count')!.value, 1)
  const [count, last, time] = ['retry-count', 'last-retry-reason', 'last-retry-time'].map(
    (name) => told.get(name)?.value,
  )
  return textOfDeath(body, told.get('reason')!.value as string, count, last, time)
}

test('a queue retries as its model does, over crashes and with messages out of memory', async () => {
  await fc.assert(
    fc.asyncProperty(
      settings,
      fc.array(operation, { minLength: 1, maxLength: 60, size: 'max' }),
      async (given, operations) => {
        const pair = await new Pair(given).start()
        for (const each of operations) await pair.run(each)
        pair.finish()
      },
    ),
    { numRuns: 2000 },
  )
})
