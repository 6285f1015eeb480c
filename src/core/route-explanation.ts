import { carbonCopies } from './dead-letter.ts'
import type { Exchange } from './exchange.ts'
import type { Binding, Destination, ExchangeFacts, ExchangeHost, ExchangeType } from './exchanges/exchange-type.ts'
import type { Message, Properties, Routable } from './message.ts'
import type { Queue } from './queues/queue.ts'
import { isRetryRequest } from './retry-request.ts'
import type { Target } from './router.ts'
import type { VHost } from './vhost.ts'

/** Bindings shown of one exchange. */
const SHOWN_MAX = 500
/** Bindings looked at in one go. */
const BINDINGS_PER_GO = 2000
/** Exchanges and keys followed: beyond them, the explanation ends. */
const STEPS_MAX = 1000

/** How a message comes to an exchange: null for the one that it is published to. */
export type Via = null | 'binding' | 'alternate-exchange' | 'CC' | 'BCC'

export interface ExplainedBinding {
  readonly binding: Binding
  readonly matched: boolean
}

/** What one exchange makes of one of the message's keys. */
export interface RouteStep {
  readonly exchange: string
  readonly type: string
  readonly routingKey: string
  readonly via: Via
  /** Those that match first. */
  readonly bindings: readonly ExplainedBinding[]
  readonly bindingsTotal: number
  readonly notes: readonly string[]
}

export interface RouteExplanation {
  readonly routed: boolean
  /** Names of the queues that it would go to. */
  readonly queues: readonly string[]
  readonly steps: readonly RouteStep[]
  /** What these queues would make of it. */
  readonly notes: readonly string[]
}

interface Key {
  readonly text: string
  readonly via: 'CC' | 'BCC' | null
}

/**
 * Explains where a message would go: the same walk as the router's, with every binding tried by itself, and nothing counted, kept or
 * remembered by it. Long lists of bindings are gone through in parts: between them, the generator yields.
 */
export function* explainRoute(vhost: VHost, exchange: Exchange, message: Message): Generator<void, RouteExplanation> {
  return yield* new Explanation(vhost, exchange, message).run()
}

/** For routers that keep what they are shown: here they must not. */
const KEEPS_NOTHING: ExchangeHost = { retain() {}, release() {} }

class Explanation {
  readonly #vhost: VHost
  readonly #message: Message
  readonly #keys: readonly Key[]
  readonly #open: { readonly exchange: Exchange; readonly via: Via }[]
  readonly #seen = new Set<Exchange>()
  readonly #targets = new Set<Target>()
  readonly #steps: RouteStep[] = []
  #isKept = false

  constructor(vhost: VHost, exchange: Exchange, message: Message) {
    this.#vhost = vhost
    this.#message = message
    this.#keys = keysOf(message)
    this.#open = [{ exchange, via: null }]
    this.#seen.add(exchange)
  }

  *run(): Generator<void, RouteExplanation> {
    for (let next = this.#open.shift(); next !== undefined; next = this.#open.shift()) {
      yield* this.#visit(next.exchange, next.via)
      if (this.#steps.length > STEPS_MAX) break
    }
    const queues = [...this.#targets].filter(({ kind }) => kind === 'queue') as Queue[]
    return {
      routed: this.#isKept || this.#targets.size > 0,
      queues: queues.map(({ name }) => name),
      steps: this.#steps,
      notes: queues.flatMap((queue) => notesOf(queue, this.#message)),
    }
  }

  *#visit(exchange: Exchange, via: Via): Generator<void> {
    const notes = via === null && exchange.internal ? ['it is internal: clients cannot publish to it'] : []
    const stop = this.#stops(exchange)
    if (stop !== null) {
      this.#step(exchange, this.#keys[0]!, via, [], [...notes, stop])
      return
    }
    if (exchange.name === '') {
      this.#byName(exchange, via, notes)
      return
    }
    const rules = exchange.rules.routesAs?.(factsOf(exchange, this.#vhost)) ?? exchange.rules
    const keys = rules.ignoresKeys === true || rules.choice !== undefined ? this.#keys.slice(0, 1) : this.#keys
    let matched = 0
    for (const [i, key] of keys.entries()) {
      const isLast = i === keys.length - 1
      const found = yield* this.#try(exchange, rules, key)
      matched += found.matched
      const alternate = isLast && matched === 0 ? this.#toAlternate(exchange) : []
      this.#step(exchange, key, via, found.bindings, [...notes, ...choiceNotes(rules, exchange), ...alternate])
    }
  }

  /** Why a message gets no further than here, or null. */
  #stops({ deduplication, delays }: Exchange): string | null {
    const identity = this.#message.deaths === null ? (deduplication?.seen.identify(this.#message) ?? null) : null
    if (identity !== null && deduplication!.seen.isDuplicate(identity)) return 'left out here: it is a duplicate'
    if (delays?.takes(this.#message) !== true) return null
    this.#isKept = true
    return 'kept here until it is due, and routed then'
  }

  #step(exchange: Exchange, key: Key, via: Via, bindings: readonly ExplainedBinding[], notes: readonly string[]): void {
    const shown = [...bindings].sort((a, b) => Number(b.matched) - Number(a.matched)).slice(0, SHOWN_MAX)
    this.#steps.push({
      exchange: exchange.name,
      type: exchange.type,
      routingKey: key.text,
      via: via ?? key.via,
      bindings: shown,
      bindingsTotal: exchange.bindings.size,
      notes,
    })
  }

  // ---- the default exchange ----

  #byName(exchange: Exchange, via: Via, notes: readonly string[]): void {
    let found = 0
    for (const [i, key] of this.#keys.entries()) {
      const told = this.#nameNote(exchange, key.text)
      if (told.target !== null) {
        found++
        this.#targets.add(told.target)
      }
      const isLast = i === this.#keys.length - 1
      const alternate = isLast && found === 0 ? this.#toAlternate(exchange) : []
      this.#step(exchange, key, via, [], [...notes, told.note, ...alternate])
    }
  }

  #nameNote(exchange: Exchange, key: string): { target: Target | null; note: string } {
    if (isRetryRequest(exchange, this.#message))
      return { target: null, note: 'a request for a retry, which goes nowhere' }
    const queue = this.#vhost.queues.get(key)
    if (queue !== undefined) return { target: queue, note: 'the default exchange: the queue named by the routing key' }
    const reply = this.#vhost.replyTargets.get(key)
    if (reply !== undefined)
      return { target: reply, note: 'the default exchange: who waits for a reply under this name' }
    return { target: null, note: 'the default exchange: there is no queue named as the routing key' }
  }

  // ---- bindings ----

  *#try(
    exchange: Exchange,
    rules: ExchangeType,
    key: Key,
  ): Generator<void, { matched: number; bindings: ExplainedBinding[] }> {
    const all = [...exchange.bindings.values()]
    const message = rules.ignoresKeys === true || rules.choice !== undefined ? this.#message : alone(this.#message, key)
    const isMatched =
      rules.choice === undefined ? eachAlone(exchange, this.#vhost, rules, message) : oneOfAll(exchange, rules, message)
    const bindings: ExplainedBinding[] = []
    let matched = 0
    for (const [i, binding] of all.entries()) {
      if (i % BINDINGS_PER_GO === BINDINGS_PER_GO - 1) yield
      const matches = isMatched(binding)
      // of those that do not match, no more is kept than can be shown
      if (matches || bindings.length - matched < SHOWN_MAX) bindings.push({ binding, matched: matches })
      if (!matches) continue
      matched++
      this.#reach(binding.destination)
    }
    return { matched, bindings }
  }

  #reach(destination: Destination): void {
    if (destination.kind === 'queue') this.#targets.add(destination as unknown as Target)
    else this.#follow(destination as Exchange, 'binding')
  }

  #follow(exchange: Exchange, via: Via): void {
    if (this.#seen.has(exchange)) return
    this.#seen.add(exchange)
    this.#open.push({ exchange, via })
  }

  /** @returns what to say of it */
  #toAlternate({ alternate }: Exchange): string[] {
    if (alternate === null) return []
    const exchange = this.#vhost.exchanges.get(alternate)
    if (exchange === undefined) return [`nothing matches, and its alternate exchange '${alternate}' does not exist`]
    if (this.#seen.has(exchange))
      return [`nothing matches, and it has been at the alternate exchange '${alternate}' already`]
    this.#follow(exchange, 'alternate-exchange')
    return [`nothing matches: it goes to the alternate exchange '${alternate}'`]
  }
}

function keysOf(message: Message): Key[] {
  const headers = message.properties().headers
  const keys = (name: 'CC' | 'BCC'): Key[] => carbonCopies(headers, name).map((text) => ({ text, via: name }))
  return [{ text: message.routingKey, via: null }, ...keys('CC'), ...keys('BCC')]
}

/** The message as if it had one key only. */
function alone(message: Message, { text }: Key): Routable {
  return { routingKey: text, extraKeys: null, properties: (): Properties => message.properties() }
}

const factsOf = ({ name, durable, arguments: args }: Exchange, { name: vhost }: VHost): ExchangeFacts => ({
  name,
  vhost,
  durable,
  arguments: args,
})

/** Tries each binding in a router of its own, which has no other. */
function eachAlone(
  exchange: Exchange,
  vhost: VHost,
  rules: ExchangeType,
  message: Routable,
): (binding: Binding) => boolean {
  const router = rules.create(factsOf(exchange, vhost), KEEPS_NOTHING)
  let reached = false
  const out = { add: () => void (reached = true) }
  return (binding) => {
    reached = false
    router.bind(binding)
    router.route(message, out)
    router.unbind(binding)
    return reached
  }
}

/** By a hash, the exchange's own router says; by chance, it may be any. */
function oneOfAll(exchange: Exchange, { choice }: ExchangeType, message: Routable): (binding: Binding) => boolean {
  if (choice === 'chance') return () => true
  const chosen = new Set<Destination>()
  exchange.router.route(message, { add: (destination) => void chosen.add(destination) })
  return ({ destination }) => chosen.has(destination)
}

function choiceNotes({ choice }: ExchangeType, { bindings }: Exchange): string[] {
  if (choice === undefined || bindings.size === 0) return []
  return choice === 'hash' ? ['a hash of the message chooses one'] : ['one of these is chosen by chance']
}

/** What a queue would make of the message. */
function notesOf(queue: Queue, message: Message): string[] {
  const notes: string[] = []
  const { name, limit } = queue
  if (queue.deduplication?.isDuplicate(message) === true)
    notes.push(`queue '${name}' would leave it out: it is a duplicate`)
  if (queue.delays?.takes(message) === true) notes.push(`queue '${name}' would keep it until it is due`)
  else if (!limit.hasRoomFor(1, message.bodyLength)) {
    const does = queue.rejectsWhenFull ? 'it would refuse the message' : 'its oldest message would go'
    notes.push(`queue '${name}' is full: ${does}`)
  }
  if (queue.paused) notes.push(`queue '${name}' is paused: it would wait there`)
  return notes
}
