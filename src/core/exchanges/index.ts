import { consistentHash } from './consistent-hash.ts'
import { delayedMessage } from './delayed-message.ts'
import { direct } from './direct.ts'
import type { ExchangeType } from './exchange-type.ts'
import { fanout } from './fanout.ts'
import { headers } from './headers.ts'
import { jmsTopic } from './jms-topic.ts'
import { localRandom } from './local-random.ts'
import { messageDeduplication } from './message-deduplication.ts'
import { modulusHash } from './modulus-hash.ts'
import { random } from './random.ts'
import { recentHistory } from './recent-history.ts'
import { topic } from './topic.ts'

export const builtInExchangeTypes: readonly ExchangeType[] = [
  direct,
  fanout,
  headers,
  topic,
  consistentHash,
  random,
  localRandom,
  modulusHash,
  recentHistory,
  jmsTopic,
  messageDeduplication,
]

/** The exchange types of one broker, by name. */
export class ExchangeTypes {
  readonly #types = new Map<string, ExchangeType>()

  constructor(types: Iterable<ExchangeType> = builtInExchangeTypes) {
    for (const type of types) this.register(type)
    this.register(delayedMessage((name) => this.#types.get(name)))
  }

  /** @throws Error when there is a type of that name already: two plugins would fight over its exchanges. */
  register(type: ExchangeType): void {
    if (this.#types.has(type.name)) throw new Error(`exchange type '${type.name}' is registered already`)
    this.#types.set(type.name, type)
  }

  unregister(name: string): void {
    this.#types.delete(name)
  }

  get(name: string): ExchangeType | undefined {
    return this.#types.get(name)
  }

  /** In order of registration. */
  names(): string[] {
    return [...this.#types.keys()]
  }
}
