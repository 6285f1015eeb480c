import {
  AmqpClientError,
  AmqpMessageError,
  AmqpNetworkError,
  type Channel,
  type ChannelHandlers,
  type Delivery,
  Unconfirmed,
} from '../../amqp-client/index.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import { clearTimeout, setTimeout } from '../../util/real-time.ts'

/**
 * When a message is acknowledged at its source: once the destination has confirmed it, once it has been written to the destination, or at
 * once, by the source itself.
 */
export type AckMode = 'on-confirm' | 'on-publish' | 'no-ack'

/** What is to become of a delivery. */
export const FORWARDED = 0
/** It does not go any further, and counts as dealt with. */
export const DROPPED = 1
/** It is not wanted now: it goes back to the source when the link ends. */
export const LEFT = 2

export type Fate = typeof FORWARDED | typeof DROPPED | typeof LEFT

export interface RelayOptions {
  readonly ackMode: AckMode
  readonly clock: Clock
  /** Publishes the message to the destination, and says which of the three became of it. */
  readonly forward: (delivery: Delivery, destination: Channel) => Fate
  /** So many messages are acknowledged at the source, or would be. */
  readonly onMoved?: (count: number) => void
  /** The destination refused so many messages: they go back to the source. */
  readonly onRefused?: (count: number) => void
  /** A message cannot be read: it is rejected, and goes where its queue sends what is rejected. */
  readonly onUnreadable: (error: AmqpMessageError) => void
}

/** Before what the destination refused goes back to the source, which mostly sends it again at once. */
const REFUSED_DELAY_MS = 1_000
/** How long what is under way is waited for at the end. */
const DRAIN_MS = 2_000

/**
 * Moves messages from a channel of one broker to a channel of another. While the destination takes no more (an alarm there, a slow network)
 * nothing is read from the source either, so nothing piles up here.
 */
export class Relay {
  /** Messages that the destination has taken. */
  moved = 0
  readonly #options: RelayOptions
  #source: Channel | null = null
  #destination: Channel | null = null
  /** Deliveries that wait for room. */
  readonly #waiting = new RingDeque<Delivery>(16)
  /** Delivery tags by the number that the destination will confirm them by. */
  readonly #unconfirmed = new Unconfirmed<number>()
  #refused: number[] = []
  /** Something below an acknowledged delivery tag may be open: no tag stands for those before it any more. */
  #hasLeft = false
  #refusedTimer: Timer | null = null
  #draining = false
  #drained: (() => void) | null = null
  readonly #ended = Promise.withResolvers<Error>()

  constructor(options: RelayOptions) {
    this.#options = options
  }

  /** Resolves with the reason when one of the two brokers is lost, or ends what the link needs. */
  get ended(): Promise<Error> {
    return this.#ended.promise
  }

  /** Messages that are written and not confirmed yet. */
  get pending(): number {
    return this.#unconfirmed.size
  }

  get blockedStatus(): 'running' | 'flow' | 'blocked' {
    const destination = this.#destination
    if (destination === null || destination.writable) return 'running'
    return destination.connection.blocked === null ? 'flow' : 'blocked'
  }

  /** To open the source's channel with. */
  get sourceHandlers(): ChannelHandlers {
    return { onClosed: (error) => this.fail(error) }
  }

  /** To open the destination's channel with. */
  get destinationHandlers(): ChannelHandlers {
    return {
      onClosed: (error) => this.fail(error),
      onConfirmed: (tag, multiple, positive) => this.#onConfirmed(tag, multiple, positive),
    }
  }

  /** Called before anything is consumed. The channels are open, and the destination's in confirm mode if the mode asks for it. */
  connect(source: Channel, destination: Channel): void {
    this.#source = source
    this.#destination = destination
    destination.connection.on('writable', () => this.#flush())
    for (const { connection } of [source, destination]) {
      connection.on('closed', (error) => this.fail(error ?? new AmqpNetworkError('the connection was closed')))
    }
  }

  /** For `Channel.consume` of the source. */
  readonly onDelivery = (delivery: Delivery): void => {
    // what has not been acknowledged goes back by itself
    if (this.#draining && this.#options.ackMode !== 'no-ack') return
    if (this.#waiting.size === 0 && this.#destination!.writable) {
      this.#forward(delivery)
      return
    }
    this.#waiting.push(delivery)
    if (!this.#draining) this.#source!.connection.pause()
  }

  /** Ends it for a reason of the link's own. */
  fail(error: Error): void {
    this.#ended.resolve(error)
    this.#drained?.()
  }

  /**
   * Takes nothing more, and waits for what is under way, for some seconds at most: nothing is to be moved twice that need not be.
   * @param consumerTag at the source; null where nothing is consumed
   */
  async drain(consumerTag: string | null): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    // Node's own timer, as for all goodbyes: the broker's clock may stand still
    const timer = setTimeout(resolve, DRAIN_MS)
    this.#draining = true
    if (this.#options.ackMode !== 'no-ack') this.#waiting.clear()
    this.#source!.connection.resume()
    void this.#cancel(consumerTag).then(() => {
      this.#drained = resolve
      this.#checkDrained()
    })
    await promise
    clearTimeout(timer)
  }

  async #cancel(consumerTag: string | null): Promise<void> {
    try {
      if (consumerTag !== null) await this.#source!.cancel(consumerTag)
    } catch (error) {
      if (!(error instanceof AmqpClientError)) throw error // the source is gone: nothing more will come
    }
  }

  /** Nothing more is moved. The connections are the caller's to close. */
  close(): void {
    this.#refusedTimer?.cancel()
    this.#waiting.clear()
    this.#ended.resolve(new Error('the link was stopped'))
  }

  #forward(delivery: Delivery): void {
    const { forward, ackMode, onMoved } = this.#options
    const destination = this.#destination!
    let fate: Fate
    try {
      fate = forward(delivery, destination)
    } catch (error) {
      if (error instanceof AmqpMessageError) this.#reject(delivery, error)
      // a channel that has just closed, or a message that does not fit any more
      else this.fail(error as Error)
      return
    }
    if (fate === LEFT) {
      this.#hasLeft = true
      return
    }
    if (fate === FORWARDED && ackMode === 'on-confirm') {
      this.#unconfirmed.add(destination.published, delivery.deliveryTag)
      return
    }
    if (ackMode !== 'no-ack') this.#source!.ack(delivery.deliveryTag)
    if (fate !== FORWARDED) return
    this.moved++
    onMoved?.(1)
  }

  /** It would come again and again otherwise, and nothing after it. */
  #reject(delivery: Delivery, error: AmqpMessageError): void {
    if (this.#options.ackMode !== 'no-ack') this.#source!.reject(delivery.deliveryTag, false)
    this.#options.onUnreadable(error)
  }

  #flush(): void {
    while (this.#waiting.size > 0 && this.#destination!.writable) this.#forward(this.#waiting.shift()!)
    if (this.#waiting.size === 0) this.#source!.connection.resume()
    this.#checkDrained()
  }

  #onConfirmed(tag: number, multiple: boolean, positive: boolean): void {
    if (!positive) this.#unconfirmed.settle(tag, multiple, (deliveryTag) => this.#refuse(deliveryTag))
    else if (multiple && this.#refused.length === 0 && !this.#hasLeft) this.#acknowledgeUpTo(tag)
    else this.#unconfirmed.settle(tag, multiple, (deliveryTag) => this.#acknowledge(deliveryTag))
    this.#checkDrained()
  }

  /** One acknowledgement for all: what was published before has been dealt with as well. */
  #acknowledgeUpTo(tag: number): void {
    let count = 0
    let last = 0
    this.#unconfirmed.settle(tag, true, (deliveryTag) => {
      count++
      last = deliveryTag
    })
    if (count === 0) return
    this.#source!.ack(last, true)
    this.moved += count
    this.#options.onMoved?.(count)
  }

  #acknowledge(deliveryTag: number): void {
    this.#source!.ack(deliveryTag)
    this.moved++
    this.#options.onMoved?.(1)
  }

  #refuse(deliveryTag: number): void {
    this.#refused.push(deliveryTag)
    this.#refusedTimer ??= this.#options.clock.schedule(REFUSED_DELAY_MS, { onTimer: () => this.#returnRefused() })
  }

  #returnRefused(): void {
    this.#refusedTimer = null
    const refused = this.#refused
    this.#refused = []
    this.#options.onRefused?.(refused.length)
    for (const deliveryTag of refused) this.#source!.nack(deliveryTag, { requeue: true })
  }

  #checkDrained(): void {
    if (this.#waiting.size === 0 && this.#unconfirmed.size === 0) this.#drained?.()
  }
}
