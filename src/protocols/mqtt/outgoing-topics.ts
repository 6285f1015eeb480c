import { keyToTopic, type TopicMapping } from './topics.ts'

/** Keys remembered; beyond it, all are forgotten and learnt anew. */
const KEYS_MAX = 16_384
const KEY_CHARS_MAX = 256

/** What a routing key is to subscribers. */
export interface OutgoingTopic {
  readonly topic: string
  readonly bytes: Buffer
}

/** The topics that routing keys stand for, as they are sent: a subscriber to many publishers gets another one each time. */
export class OutgoingTopics {
  readonly #mapping: TopicMapping
  readonly #known = new Map<string, OutgoingTopic>()

  constructor(mapping: TopicMapping) {
    this.#mapping = mapping
  }

  of(key: string): OutgoingTopic {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const topic = keyToTopic(key, this.#mapping)
    const found = { topic, bytes: Buffer.from(topic) }
    if (key.length > KEY_CHARS_MAX) return found
    if (this.#known.size >= KEYS_MAX) this.#known.clear()
    this.#known.set(key, found)
    return found
  }
}
