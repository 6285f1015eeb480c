import { accessRefused } from './errors.ts'
import { type Permissions, refusalText, type TopicVariables } from './permissions.ts'

export type Verb = 'configure' | 'write' | 'read'

/** Decisions remembered per connection; forgotten whenever any permission changes. */
const REMEMBERED_MAX = 256

/** What decisions hold by: its version rises when those that were made before no longer do. */
export interface DecisionBasis {
  readonly version: number
}

/** What the holder of a connection may do in its vhost. What is not known yet throws an `UndecidedError` first. */
export interface Access {
  readonly basis: DecisionBasis
  /** @throws BrokerError accessRefused */
  require(verb: Verb, kind: 'queue' | 'exchange', name: string): void
  /** For what any permission opens. The refusal names configure, as RabbitMQ's does. @throws BrokerError accessRefused */
  requireAny(kind: 'queue' | 'exchange', name: string): void
  /** The second look that topic exchanges take, at the routing key. @throws BrokerError accessRefused */
  requireTopic(verb: 'write' | 'read', exchange: string, key: string): void
  /** The session is over. */
  close(): void
}

/** Of the program that the broker runs in. */
export const FULL_ACCESS: Access = {
  basis: { version: 0 },
  require() {},
  requireAny() {},
  requireTopic() {},
  close() {},
}

/** What one user may do in one vhost. */
export class AccessControl implements Access {
  readonly #permissions: Permissions
  readonly #user: string
  readonly #vhost: string
  readonly #given: TopicVariables
  /** With those that every user has; null until a topic is asked about. */
  #variables: TopicVariables | null = null
  /** Null until something is allowed. */
  #allowed: Set<string> | null = null
  #version = -1

  /** @param variables of topic permissions, besides `username` and `vhost` */
  constructor(permissions: Permissions, user: string, vhost: string, variables: TopicVariables = {}) {
    this.#permissions = permissions
    this.#user = user
    this.#vhost = vhost
    this.#given = variables
  }

  get basis(): DecisionBasis {
    return this.#permissions
  }

  require(verb: Verb, kind: 'queue' | 'exchange', name: string): void {
    if (!this.#allows(verb, kind, name)) {
      throw accessRefused(refusalText(verb, kind, name, this.#vhost, this.#user))
    }
  }

  requireAny(kind: 'queue' | 'exchange', name: string): void {
    const verbs: readonly Verb[] = ['configure', 'read', 'write']
    if (!verbs.some((verb) => this.#allows(verb, kind, name))) this.require('configure', kind, name)
  }

  requireTopic(verb: 'write' | 'read', exchange: string, key: string): void {
    this.#variables ??= { ...this.#given, username: this.#user, vhost: this.#vhost }
    if (this.#permissions.allowsTopic(this.#user, this.#vhost, exchange, verb, key, this.#variables)) return
    throw accessRefused(refusalText(verb, 'topic', key, this.#vhost, this.#user, exchange))
  }

  close(): void {}

  #allows(verb: Verb, kind: 'queue' | 'exchange', name: string): boolean {
    if (this.#version !== this.#permissions.version) {
      this.#allowed?.clear()
      this.#version = this.#permissions.version
    }
    const resource = kind === 'exchange' && name === '' ? 'amq.default' : name
    const decision = `${verb}\0${resource}`
    if (this.#allowed?.has(decision) === true) return true
    if (!this.#permissions.allows(this.#user, this.#vhost, verb, resource)) return false
    this.#allowed ??= new Set<string>()
    if (this.#allowed.size >= REMEMBERED_MAX) this.#allowed.clear()
    this.#allowed.add(decision)
    return true
  }
}
