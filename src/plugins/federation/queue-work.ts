import { type Channel, type Delivery, Properties } from '../../amqp-client/index.ts'
import { long, type Table } from '../../core/fields.ts'
import type { Queue } from '../../core/queues/queue.ts'
import { ensureQueue } from '../links/ensure.ts'
import { type Fate, FORWARDED } from '../links/relay.ts'
import type { LinkEnds, LinkWork } from './link-work.ts'
import { queueHeaders } from './received-from.ts'

/** Consumers upstream come first. */
const PRIORITY = -1
/** Consumers of other links, further downstream, do not ask for messages here. */
const ASKING_PRIORITY = 0

/**
 * The link of a federated queue: takes messages from the queue upstream while the queue here is empty and has consumers with room, and lets
 * go otherwise. Consumers upstream are served first.
 */
export class QueueWork implements LinkWork {
  readonly #ends: LinkEnds
  readonly #queue: Queue
  #tag: string | null = null
  /** A request to the upstream is under way. */
  #busy = false
  #ended = false
  readonly #look = (): void => void this.#adapt()

  constructor(ends: LinkEnds, queue: Queue) {
    this.#ends = ends
    this.#queue = queue
  }

  get consumerTag(): string | null {
    return this.#tag
  }

  async begin(): Promise<void> {
    const { connection, channel, upstream } = this.#ends
    requirePriorities(connection.serverProperties)
    const { durable, autoDelete, arguments: args } = this.#queue
    await ensureQueue(connection, upstream.queue, { durable, autoDelete, arguments: args })
    if (upstream.ackMode !== 'no-ack') await channel.prefetch(upstream.prefetch)
    this.#queue.watchers = [...this.#queue.watchers, this.#look]
    await this.#adapt()
  }

  /** Consumes if, and only if, messages are wanted here. */
  async #adapt(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    try {
      for (;;) {
        const wanted = !this.#ended && this.#queue.wants(ASKING_PRIORITY)
        if (wanted === (this.#tag !== null)) return
        if (wanted) await this.#consume()
        else if (!this.#ended) await this.#cancel()
        else return
      }
    } catch (error) {
      this.#ends.relay.fail(error as Error)
    } finally {
      this.#busy = false
    }
  }

  async #consume(): Promise<void> {
    const { channel, upstream, relay } = this.#ends
    this.#tag = await channel.consume(upstream.queue, relay.onDelivery, {
      consumerTag: upstream.consumerTag,
      noAck: upstream.ackMode === 'no-ack',
      arguments: new Map([['x-priority', long(PRIORITY)]]),
      onCancelled: () =>
        relay.fail(new Error(`the upstream has ended the consumer: queue '${upstream.queue}' is gone`)),
    })
  }

  async #cancel(): Promise<void> {
    await this.#ends.channel.cancel(this.#tag!)
    this.#tag = null
  }

  forward(delivery: Delivery, destination: Channel): Fate {
    const { upstream, shownUri } = this.#ends
    const { properties } = delivery
    const changed = Object.assign(new Properties(), properties)
    changed.headers = queueHeaders(properties.headers, shownUri, this.#queue.name, delivery)
    if (!upstream.trustUserId) changed.userId = null
    destination.publish('', this.#queue.name, changed, delivery.body)
    return FORWARDED
  }

  onBinding(): void {}

  end(): void {
    this.#ended = true
    this.#queue.watchers = this.#queue.watchers.filter((watcher) => watcher !== this.#look)
  }

  async cleanUp(): Promise<void> {}
}

/** Without them, consumers upstream would have to share with this one. */
function requirePriorities(serverProperties: Table): void {
  const capabilities = serverProperties.get('capabilities')
  if (capabilities?.type === 'table' && capabilities.value.get('consumer_priorities')?.value === true) return
  throw new Error('the upstream does not know consumer priorities, which federated queues need')
}
