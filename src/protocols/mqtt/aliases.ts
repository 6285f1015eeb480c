import { MqttError, protocolError } from './errors.ts'
import { TOPIC_ALIAS_INVALID } from './reason-codes.ts'

/** Aliases that are worth having, however many a client takes. */
const OUTGOING_MAX = 1024

/** Aliases that a client gives its topics (MQTT 5.0, 3.3.2.3.4). */
export class IncomingAliases {
  readonly #maximum: number
  readonly #topics: string[] = []

  constructor(maximum: number) {
    this.#maximum = maximum
  }

  /** The topic that a PUBLISH is for. @param alias undefined for none @throws MqttError */
  topicOf(topic: string, alias: number | undefined): string {
    if (alias === undefined) {
      if (topic === '') throw protocolError('a PUBLISH with neither topic nor alias')
      return topic
    }
    if (alias === 0 || alias > this.#maximum) {
      throw new MqttError(TOPIC_ALIAS_INVALID, `the topic alias ${alias} is not one of 1 to ${this.#maximum}`)
    }
    if (topic !== '') {
      this.#topics[alias] = topic
      return topic
    }
    const known = this.#topics[alias]
    if (known === undefined) throw protocolError(`the topic alias ${alias} stands for nothing`)
    return known
  }
}

/** Aliases that the broker gives the topics of what it sends: the first topics get them, and keep them. */
export class OutgoingAliases {
  readonly #maximum: number
  readonly #aliases = new Map<string, number>()

  /** @param maximum the client's */
  constructor(maximum: number) {
    this.#maximum = Math.min(maximum, OUTGOING_MAX)
  }

  /** 0 where the topic has none. */
  find(topic: string): number {
    return this.#aliases.get(topic) ?? 0
  }

  /** What the next topic would get, or 0 for none. */
  get next(): number {
    return this.#aliases.size < this.#maximum ? this.#aliases.size + 1 : 0
  }

  /** From now on the topic has the next one. */
  give(topic: string): void {
    this.#aliases.set(topic, this.next)
  }
}
