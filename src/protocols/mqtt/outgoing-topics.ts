import { keyToTopic, type TopicMapping, topicProblem, writeTopic } from './topics.ts'

/** Keys remembered; beyond it, all are forgotten and learnt anew. */
const KEYS_MAX = 16_384
const KEY_CHARS_MAX = 256

/** What a routing key is to subscribers. */
export interface OutgoingTopic {
  /** Empty where the key stands for none that a message may have: other protocols publish with any key. */
  readonly topic: string
  readonly bytes: Buffer
}

/** The topics that routing keys stand for, as they are sent: a subscriber to many publishers gets another one each time. */
export class OutgoingTopics {
  readonly #mapping: TopicMapping
  readonly #known = new Map<string, OutgoingTopic>()
  readonly #scratch = Buffer.allocUnsafeSlow(KEY_CHARS_MAX)

  constructor(mapping: TopicMapping) {
    this.#mapping = mapping
  }

  /**
   * The bytes of a topic that need not come again: where there are thousands, to look one up costs more than to write it.
   * @returns a view, until the next call; null where the key has to be looked at as a whole
   */
  passing(key: string): Buffer | null {
    if (key.length > KEY_CHARS_MAX || !writeTopic(key, this.#mapping, this.#scratch)) return null
    return this.#scratch.subarray(0, key.length)
  }

  of(key: string): OutgoingTopic {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const whole = keyToTopic(key, this.#mapping)
    const topic = topicProblem(whole) === null ? whole : ''
    const found = { topic, bytes: ownBytesOf(topic) }
    if (key.length > KEY_CHARS_MAX) return found
    if (this.#known.size >= KEYS_MAX) this.#known.clear()
    this.#known.set(key, found)
    return found
  }
}

/** Not in the memory that Node.js shares out: a few bytes that stay would keep 64 KiB of it. */
function ownBytesOf(topic: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(topic))
  bytes.write(topic)
  return bytes
}
