import type { IPublishPacket, QoS } from 'mqtt-packet'
import { matches } from '../../../src/protocols/mqtt/topics.ts'
import { hashedBody, idOf } from '../hashed-body.ts'
import type { Version } from './raw-client.ts'

/*
 * What clients of MQTT sent and got over the lives of a broker. Publishers and subscribers have sessions that stay, and do their part: in the end
 *
 * - every message has come to each subscriber of its topic, since publishers send again what was not answered;
 * - what was published and is subscribed to with QoS 2 has come once, and in the order of its publisher and topic;
 * - each is as it was sent.
 *
 * Of each retained topic there is the value that was last confirmed, or one that was sent since.
 */

export interface Subscriber {
  readonly clientId: string
  readonly version: Version
  readonly filter: string
  readonly qos: QoS
}

/** A body that tells what it should be: which message of whom. */
export const bodyOf = (publisher: string, number: number, padding: number): Buffer =>
  hashedBody(`${publisher}#${number}`, 'x'.repeat(padding))

interface Publication {
  readonly topic: string
  readonly qos: QoS
  confirmed: boolean
  /** What publisher and subscribers did with it (QoS 2), in order. */
  readonly steps: string[]
}

export class MqttBook {
  readonly mistakes: string[] = []
  /** Of the broker, from 1. */
  life = 0
  readonly #publications = new Map<string, Publication>()
  readonly #subscribers = new Map<string, Subscriber>()
  /** What a subscriber got, and how often. */
  readonly #received = new Map<string, Map<string, number>>()
  /** By subscriber, publisher and topic: the last number. */
  readonly #last = new Map<string, number>()
  /** By publisher: up to here all has come, and is not known any more. */
  readonly #forgotten = new Map<string, number>()
  readonly #retained = new Map<string, { confirmed: string | null; sent: (string | null)[] }>()

  complain(text: string): void {
    this.mistakes.push(`life ${this.life}: ${text}`)
  }

  addSubscriber(subscriber: Subscriber): void {
    this.#subscribers.set(subscriber.clientId, subscriber)
    this.#received.set(subscriber.clientId, new Map())
  }

  // ---- messages ----

  /** @returns what to call when it is confirmed */
  publishes(publisher: string, number: number, topic: string, qos: QoS): () => void {
    const publication: Publication = { topic, qos, confirmed: false, steps: [] }
    this.#publications.set(`${publisher}#${number}`, publication)
    return () => (publication.confirmed = true)
  }

  /** A client goes one step further with a message of QoS 2. */
  notes(clientId: string, payload: Buffer, step: string): void {
    this.#publications.get(idOf(payload) ?? '')?.steps.push(`life ${this.life}: ${clientId} ${step}`)
  }

  receives(clientId: string, packet: IPublishPacket): void {
    const { qos } = this.#subscribers.get(clientId)!
    const id = idOf(packet.payload as Buffer)
    const known = id === null ? undefined : this.#publications.get(id)
    if (id !== null && this.#isForgotten(id)) {
      // its PUBACK may not have been on disk when the broker was killed
      if (packet.qos === 2) this.complain(`${clientId} got ${id} of QoS 2 again, dup ${packet.dup}, after all had come`)
      return
    }
    if (id === null || known === undefined) {
      this.complain(
        `${clientId} got a message on ${packet.topic} that nobody has sent: ${id ?? packet.payload.toString()}`,
      )
      return
    }
    if (known.topic !== packet.topic) this.complain(`${clientId} got ${id} of ${known.topic} on ${packet.topic}`)
    const expectedQos = Math.min(qos, known.qos)
    if (packet.qos !== expectedQos) this.complain(`${clientId} got ${id} with QoS ${packet.qos}, not ${expectedQos}`)
    const received = this.#received.get(clientId)!
    const times = (received.get(id) ?? 0) + 1
    received.set(id, times)
    if (expectedQos === 2) this.#checkExactly(clientId, id, packet, times)
  }

  #checkExactly(clientId: string, id: string, { topic, dup, messageId }: IPublishPacket, times: number): void {
    const [publisher, number] = id.split('#') as [string, string]
    if (times > 1) {
      const steps = this.#publications
        .get(id)!
        .steps.filter((step) => [clientId, publisher].includes(step.split(' ')[2]!))
      const what = `${clientId} got ${id} of QoS 2 ${times} times (dup ${dup}, identifier ${messageId})`
      this.complain(`${what}; ${steps.join(', ')}`)
    }
    const key = `${clientId} ${publisher} ${topic}`
    const last = this.#last.get(key) ?? -1
    if (times === 1 && Number(number) < last) this.complain(`${clientId} got ${id} of QoS 2 after ${publisher}#${last}`)
    this.#last.set(key, Math.max(last, Number(number)))
  }

  /** What has been sent, and has not come to all who want it. */
  *missing(): Generator<string> {
    for (const [id, { topic, confirmed }] of this.#publications) {
      for (const { clientId, filter } of this.#subscribers.values()) {
        if (!matches(filter, topic) || this.#received.get(clientId)!.has(id)) continue
        yield `${id} on ${topic}, ${confirmed ? 'confirmed' : 'not confirmed'}, has not come to ${clientId}`
      }
    }
  }

  #isForgotten(id: string): boolean {
    const [publisher, number] = id.split('#') as [string, string]
    return Number(number) <= (this.#forgotten.get(publisher) ?? -1)
  }

  /** All of it has come: what happens from now on is looked at. */
  forget(): void {
    for (const id of this.#publications.keys()) {
      const [publisher, number] = id.split('#') as [string, string]
      this.#forgotten.set(publisher, Number(number))
    }
    this.#publications.clear()
    for (const received of this.#received.values()) received.clear()
  }

  get count(): number {
    return this.#publications.size
  }

  // ---- retained ----

  /** @param value null where the topic is cleared @returns what to call when it is confirmed */
  retains(topic: string, value: string | null): () => void {
    const book = this.#retained.get(topic) ?? { confirmed: null, sent: [] }
    this.#retained.set(topic, book)
    book.sent.push(value)
    return () => {
      // in order: what was sent before is confirmed, too
      book.sent.splice(0, book.sent.indexOf(value) + 1)
      book.confirmed = value
    }
  }

  /** Whether a topic has a value for sure. */
  isRetained(topic: string): boolean {
    return (this.#retained.get(topic)?.confirmed ?? null) !== null
  }

  /** All that a new subscriber got. */
  foundRetained(found: ReadonlyMap<string, string>): void {
    for (const topic of found.keys()) {
      if (!this.#retained.has(topic)) this.complain(`${topic} is retained, though nobody has sent it`)
    }
    for (const [topic, { confirmed, sent }] of this.#retained) {
      const value = found.get(topic) ?? null
      if (value === confirmed || sent.includes(value)) continue
      this.complain(`${topic} is ${value}, though ${confirmed} was confirmed and then ${sent.join(', ')} sent`)
    }
  }
}
