/*
 * How many messages pass over each binding. Nobody counts that: a message crosses bindings where every instruction matters. But
 * queues count what came to them by the exchange that it was published to, and most often there is one way only from that exchange
 * to the queue, so that all bindings on it are known to have carried it. Where there are several ways, the truth lies between two numbers:
 *
 *     x ──▶ y ──▶ q      what was published to x and came to q has come by x ▶ y and by y ▶ q
 *      ╲────────▶ q      with this binding as well, it has come by either
 *
 * A message that leads to several queues crosses the bindings before them once: at least as many have crossed x ▶ y as came to the
 * queue of those behind it that got the most, and at most as many as came to all of them.
 */

/** What leads from an exchange to a queue or an exchange: one binding or several. */
export interface Lead {
  readonly source: string
  readonly kind: 'queue' | 'exchange'
  readonly destination: string
  /** Whether every message that comes to the source takes it. */
  readonly isAlways: boolean
}

/** What was published to an exchange and came to a queue. */
export interface Flow {
  readonly exchange: string
  readonly queue: string
  /** Messages per second. */
  readonly rate: number
}

/** Messages per second, of those that came to a queue. The two are the same where it is known. */
export interface Bounds {
  readonly min: number
  readonly max: number
}

/** Steps from exchange to exchange in one answer: ways through a thicket of exchanges are not looked for to the end. */
const STEPS_MAX = 500_000

const keyOf = ({ source, kind, destination }: Omit<Lead, 'isAlways'>): string =>
  JSON.stringify([source, kind, destination])

type Names = Set<string>
type Graph = Map<string, Names>

const NOTHING: ReadonlySet<string> = new Set()
const NO_RATE: Bounds = { min: 0, max: 0 }

export class BindingRates {
  /** From exchange to exchange, and back. */
  readonly #onward: Graph = new Map()
  readonly #back: Graph = new Map()
  /** Exchanges that lead to a queue. */
  readonly #feeders: Graph = new Map()
  /** Queues that get all that comes to an exchange. */
  readonly #always: Graph = new Map()
  readonly #bounds = new Map<string, Bounds>()
  #steps = 0

  /** @param leads bindings, and alternate exchanges: these lead on as bindings do */
  constructor(leads: Iterable<Lead>, flows: Iterable<Flow>) {
    for (const { source, kind, destination, isAlways } of leads) {
      if (kind === 'queue') {
        add(this.#feeders, destination, source)
        if (isAlways) add(this.#always, source, destination)
      } else {
        add(this.#onward, source, destination)
        add(this.#back, destination, source)
      }
    }
    for (const [exchange, own] of Map.groupBy(flows, (flow) => flow.exchange)) this.#follow(exchange, own)
  }

  /** Null where there are too many ways to look at. */
  of(lead: Omit<Lead, 'isAlways'>): Bounds | null {
    if (this.#steps > STEPS_MAX) return null
    return this.#bounds.get(keyOf(lead)) ?? NO_RATE
  }

  /** All that was published to one exchange. */
  #follow(start: string, flows: readonly Flow[]): void {
    const reached = this.#closure([start], this.#onward, null, null)
    const rates = new Map(flows.map(({ queue, rate }) => [queue, rate]))
    const passed = new Map<string, Passed>()
    for (const { queue, rate } of flows) {
      if (rate > 0) this.#followTo(start, queue, rate, reached, passed)
    }
    for (const [key, { lead, most, sum }] of passed) {
      const always = lead.kind === 'exchange' ? (this.#always.get(lead.destination) ?? NOTHING) : NOTHING
      const cap = Math.min(...[...always].map((queue) => rates.get(queue) ?? 0))
      const before = this.#bounds.get(key) ?? NO_RATE
      this.#bounds.set(key, { min: before.min + most, max: before.max + Math.max(most, Math.min(sum, cap)) })
    }
  }

  #followTo(start: string, queue: string, rate: number, reached: Names, passed: Map<string, Passed>): void {
    const feeders = [...(this.#feeders.get(queue) ?? NOTHING)]
    this.#steps += feeders.length
    const last = feeders.filter((exchange) => reached.has(exchange))
    if (this.#steps > STEPS_MAX || last.length === 0) return
    const between = this.#closure(last, this.#back, reached, start)
    const ways = new Ways({ start, queue, last: new Set(last), between, onward: this.#onward, back: this.#back })
    const certain = new Set([...ways.certainFromStart(), ...ways.certainFromEnd()].map(keyOf))
    for (const lead of ways.all()) {
      const key = keyOf(lead)
      const { most, sum } = passed.get(key) ?? { most: 0, sum: 0 }
      passed.set(key, { lead, most: certain.has(key) ? Math.max(most, rate) : most, sum: sum + rate })
      this.#steps++
    }
  }

  /** What can be come to from some. @param within null for anything @param end from where it does not go on */
  #closure(from: readonly string[], graph: Graph, within: Names | null, end: string | null): Names {
    const found = new Set(from)
    for (const exchange of found) {
      if (exchange === end) continue
      for (const next of graph.get(exchange) ?? NOTHING) {
        this.#steps++
        if (within === null || within.has(next)) found.add(next)
      }
      if (this.#steps > STEPS_MAX) break
    }
    return found
  }
}

/** What one exchange's messages have done at a lead. */
interface Passed {
  readonly lead: Omit<Lead, 'isAlways'>
  /** That came to one queue, and have certainly passed. */
  readonly most: number
  /** That may have passed. */
  readonly sum: number
}

interface WaysFacts {
  readonly start: string
  readonly queue: string
  /** Exchanges that lead to the queue. */
  readonly last: Names
  /** Exchanges on any of the ways. */
  readonly between: Names
  readonly onward: Graph
  readonly back: Graph
}

type Step = Omit<Lead, 'isAlways'>

/** All ways from an exchange to a queue. */
class Ways {
  readonly #facts: WaysFacts

  constructor(facts: WaysFacts) {
    this.#facts = facts
  }

  all(): Step[] {
    return [...this.#facts.between].flatMap((exchange) => this.#from(exchange))
  }

  /** Steps that every way begins with. */
  *certainFromStart(): Generator<Step> {
    const seen = new Set<string>()
    for (let at = this.#facts.start; !seen.has(at);) {
      seen.add(at)
      const [only, ...others] = this.#from(at)
      if (only === undefined || others.length > 0) return
      yield only
      if (only.kind === 'queue') return
      at = only.destination
    }
  }

  /** Steps that every way ends with. */
  *certainFromEnd(): Generator<Step> {
    const { start, queue, last, between, back } = this.#facts
    if (last.size !== 1) return
    let [at] = last
    yield { source: at!, kind: 'queue', destination: queue }
    const seen = new Set<string>()
    while (at !== start && !seen.has(at!)) {
      seen.add(at!)
      const before: string[] = [...(back.get(at!) ?? NOTHING)].filter((exchange) => between.has(exchange))
      if (before.length !== 1) return
      yield { source: before[0]!, kind: 'exchange', destination: at! }
      at = before[0]
    }
  }

  #from(source: string): Step[] {
    const { start, queue, last, between, onward } = this.#facts
    // no message comes to an exchange twice, so none comes back to where it began
    const steps: Step[] = [...(onward.get(source) ?? NOTHING)]
      .filter((exchange) => exchange !== start && between.has(exchange))
      .map((destination) => ({ source, kind: 'exchange', destination }))
    if (last.has(source)) steps.push({ source, kind: 'queue', destination: queue })
    return steps
  }
}

function add(graph: Graph, from: string, to: string): void {
  const names = graph.get(from)
  if (names === undefined) graph.set(from, new Set([to]))
  else names.add(to)
}
