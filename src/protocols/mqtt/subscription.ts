import { bool, type Field, integerOf, longstr, stringOf, type Table } from '../../core/fields.ts'
import { filterToKey, keyToTopic, matches, parseShared, type SharedFilter, type TopicMapping } from './topics.ts'

const FILTER = 'x-mqtt-subscription-filter'
const QOS = 'x-mqtt-subscription-qos'
const NO_LOCAL = 'x-mqtt-subscription-no-local'
const RETAIN_AS_PUBLISHED = 'x-mqtt-subscription-retain-as-published'
const IDENTIFIER = 'x-mqtt-subscription-id'

/** What a client asks for with a filter. */
export interface SubscriptionOptions {
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** 0 for none. */
  readonly identifier: number
}

/** One filter of a client. All there is to know of it is in its binding. */
export class Subscription implements SubscriptionOptions {
  /** As the client gave it. */
  readonly filter: string
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly identifier: number
  /** Null for one of the client's own. */
  readonly shared: SharedFilter | null
  /** Of the binding that brings the messages. */
  readonly key: string
  /** Whether the binding brings no other topics that keys give back than the filter matches, but for reserved ones. */
  readonly isExact: boolean
  readonly #plain: string
  /** The filter as its key gives it back, where it has a dot: what other protocols publish with such a key is on a topic like that. */
  readonly #fromKey: string | null

  constructor(filter: string, options: SubscriptionOptions, mapping: TopicMapping) {
    this.filter = filter
    this.qos = options.qos
    this.noLocal = options.noLocal
    this.retainAsPublished = options.retainAsPublished
    this.identifier = options.identifier
    this.shared = parseShared(filter)
    this.#plain = this.shared?.filter ?? filter
    this.key = filterToKey(this.#plain, mapping)
    const back = keyToTopic(this.key, mapping)
    // an asterisk is a wildcard in the key only
    const hasDot = back !== this.#plain && !this.#plain.includes('*')
    this.#fromKey = hasDot ? back : null
    this.isExact = hasDot || back === this.#plain
  }

  /** Null where the arguments are not those of a subscription. */
  static fromArguments(args: Table, mapping: TopicMapping): Subscription | null {
    const filter = stringOf(args.get(FILTER))
    const qos = integerOf(args.get(QOS))
    if (filter === null || (qos !== 0 && qos !== 1 && qos !== 2)) return null
    const options = {
      qos,
      noLocal: args.get(NO_LOCAL)?.value === true,
      retainAsPublished: args.get(RETAIN_AS_PUBLISHED)?.value === true,
      identifier: integerOf(args.get(IDENTIFIER)) ?? 0,
    } as const
    return new Subscription(filter, options, mapping)
  }

  /** Of its binding. */
  arguments(): Table {
    const args = new Map<string, Field>([
      [FILTER, longstr(this.filter)],
      [QOS, { type: 'unsignedbyte', value: this.qos }],
    ])
    if (this.noLocal) args.set(NO_LOCAL, bool(true))
    if (this.retainAsPublished) args.set(RETAIN_AS_PUBLISHED, bool(true))
    if (this.identifier > 0) args.set(IDENTIFIER, { type: 'unsignedint', value: this.identifier })
    return args
  }

  /** @param topic of a message */
  matches(topic: string): boolean {
    if (matches(this.#plain, topic)) return true
    return this.#fromKey !== null && !topic.includes('.') && matches(this.#fromKey, topic)
  }

  /** Whether both ask for the same. */
  isLike(other: SubscriptionOptions): boolean {
    return (
      this.qos === other.qos &&
      this.noLocal === other.noLocal &&
      this.retainAsPublished === other.retainAsPublished &&
      this.identifier === other.identifier
    )
  }
}
