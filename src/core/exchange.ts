import type { ExchangeDeduplication } from './deduplication/exchange-deduplication.ts'
import type { Gate } from './deduplication/passage.ts'
import type {
  Binding,
  Destination,
  ExchangeFacts,
  ExchangeHost,
  ExchangeRouter,
  ExchangeType,
} from './exchanges/exchange-type.ts'
import { keptTable, stringOf, type Table } from './fields.ts'
import type { DelayLine } from './delays/delay-line.ts'
import type { EffectivePolicy } from './policy.ts'

export interface ExchangeSpec {
  readonly name: string
  readonly type: string
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: Table
}

/** A named exchange: its type's router, its bindings, and what a policy adds. */
export class Exchange implements Destination {
  readonly kind = 'exchange'
  readonly name: string
  readonly type: string
  readonly rules: ExchangeType
  readonly router: ExchangeRouter
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: Table
  /** Bindings of which it is the source, by their identity. */
  readonly bindings = new Map<string, Binding>()
  policy: EffectivePolicy | null = null
  /** Who declared it. */
  readonly createdBy: string
  /** Where messages go that match no binding; an argument wins over a policy. */
  alternate: string | null
  /** Keeps messages until they are due, where the exchange is to do so. */
  delays: DelayLine | null = null
  /** Set by the router: the last routing that reached this exchange. */
  mark = 0
  /** Set by the router: the last exchange on the way to this one that keeps duplicates out. */
  gate: Gate | null = null
  /** Keeps duplicates out, where the exchange is to do so. */
  deduplication: ExchangeDeduplication | null = null
  publishedIn = 0
  publishedOut = 0
  /** Duplicates that it left out. */
  deduplicated = 0
  /** Free for whoever keeps statistics of it. */
  history: unknown = null

  constructor(rules: ExchangeType, facts: ExchangeFacts, spec: ExchangeSpec, host: ExchangeHost, createdBy: string) {
    this.name = spec.name
    this.type = rules.name
    this.rules = rules
    this.router = rules.create(facts, host)
    this.durable = spec.durable
    this.autoDelete = spec.autoDelete
    this.internal = spec.internal
    this.arguments = keptTable(spec.arguments)
    this.createdBy = createdBy
    this.alternate = stringOf(spec.arguments.get('alternate-exchange'))
  }

  applyPolicy(policy: EffectivePolicy | null): void {
    this.policy = policy
    const fromPolicy = policy?.definition.get('alternate-exchange')
    this.alternate =
      stringOf(this.arguments.get('alternate-exchange')) ?? (typeof fromPolicy === 'string' ? fromPolicy : null)
  }
}
