import type { AmqpConnection, Channel } from '../../amqp-client/index.ts'
import { AmqpClientError, withoutCredentials } from '../../amqp-client/index.ts'
import type { ShovelStatus } from '../../core/links.ts'
import { Attempts, type Outcome } from '../links/attempts.ts'
import { ensureQueue } from '../links/ensure.ts'
import { type LinkHost, openAnyLink } from '../links/link-host.ts'
import { LinkScope } from '../links/link-scope.ts'
import { localTime } from '../links/local-time.ts'
import { FORWARDED, LEFT, Relay } from '../links/relay.ts'
import type { ShovelDefinition } from './definition.ts'
import { DEFAULT_VHOST } from './parameter.ts'
import { Outgoing } from './outgoing.ts'

export interface ShovelOptions {
  readonly host: LinkHost
  readonly vhost: string
  readonly name: string
  readonly definition: ShovelDefinition
  /** It has moved all that it was to move: it is to be deleted. */
  readonly onDone: () => void
  /** Its state has changed: `status` says to what. */
  readonly onStatus: () => void
}

/** What the list of shovels needs of one. */
export interface ManagedShovel {
  readonly status: ShovelStatus
  start(): void
  /** Ends what it does and begins anew. */
  restart(): Promise<void>
  /** Resolves when nothing of it runs any more. */
  stop(): Promise<void>
}

type Progress = Pick<ShovelStatus, 'state' | 'reason'> & Partial<ShovelStatus>

interface End {
  readonly connection: AmqpConnection
  readonly uri: string
}

/**
 *     starting ── both ends are there ──▶ running
 *        ▲                                   │ one end is lost, or refuses
 *        └──── after the delay ─── terminated ◀┘
 *
 * One dynamic shovel: consumes at its source and publishes at its destination.
 */
export class Shovel implements ManagedShovel {
  readonly #options: ShovelOptions
  readonly #attempts: Attempts
  #progress: Progress = { state: 'starting' }
  #since: number
  #relay: Relay | null = null
  /** Moved by attempts before this one. */
  #movedBefore = 0
  /** Messages that are still to be moved; null for no end. */
  #remaining: number | null = null
  /** Of those, what is not under way yet. */
  #unpublished = 0
  #finish: () => void = () => {}
  /** Why it stopped last; empty since it has run. */
  #lastReason = ''

  constructor(options: ShovelOptions) {
    const { host, definition, onDone } = options
    this.#options = options
    this.#since = host.clock.now()
    this.#attempts = new Attempts({
      clock: host.clock,
      delayMs: definition.reconnectDelayMs,
      run: (signal) => this.#run(signal),
      onFailed: (error) => this.#onFailed(error),
      onDone,
    })
  }

  start(): void {
    this.#attempts.start()
  }

  restart(): Promise<void> {
    return this.#attempts.restart()
  }

  stop(): Promise<void> {
    return this.#attempts.stop()
  }

  get status(): ShovelStatus {
    const { host, name, vhost } = this.#options
    const relay = this.#relay
    const metrics =
      relay === null
        ? {}
        : ({
            blocked_status: relay.blockedStatus,
            remaining: this.#remaining ?? 'unlimited',
            pending: relay.pending,
            forwarded: this.#movedBefore + relay.moved,
          } as const)
    return {
      node: host.broker.options.nodeName,
      timestamp: localTime(this.#since),
      name,
      vhost,
      type: 'dynamic',
      ...this.#progress,
      ...metrics,
    }
  }

  #report(progress: Progress): void {
    this.#progress = progress
    this.#since = this.#options.host.clock.now()
    this.#options.onStatus()
  }

  #onFailed(error: Error): void {
    const { host, name, vhost } = this.#options
    // every attempt may fail for the same reason, for days
    if (this.#lastReason !== error.message) {
      host.log.warn('a shovel has stopped', { shovel: name, vhost, reason: error.message })
    }
    this.#lastReason = error.message
    this.#report({ state: 'terminated', reason: error.message })
  }

  async #run(signal: AbortSignal): Promise<Outcome> {
    this.#report({ state: 'starting' })
    const scope = new LinkScope(signal)
    const relay = new Relay(this.#relayOptions(() => outgoing!))
    let outgoing: Outgoing | null = null
    const finished = new Promise<void>((resolve) => (this.#finish = resolve))
    try {
      const source = await this.#connect('source', scope, signal)
      const destination = await this.#connect('destination', scope, signal)
      outgoing = this.#outgoing(source, destination)
      const to = await this.#openDestination(destination, relay)
      const from = await source.connection.openChannel(relay.sourceHandlers)
      relay.connect(from, to)
      const queue = await this.#prepareSource(source, from)
      await this.#count(from, queue)
      if (this.#remaining === 0) return { done: true }
      const tag = await this.#consume(from, queue, relay)
      scope.settle()
      this.#relay = relay
      this.#report({ state: 'running', ...this.#facts(source, destination) })
      this.#lastReason = ''
      this.#options.host.log.info('a shovel is running', { shovel: this.#options.name, vhost: this.#options.vhost })
      const error = await Promise.race([relay.ended, finished, scope.aborted])
      if (error instanceof Error) throw error
      if (!signal.aborted) return { done: true }
      await relay.drain(tag)
      return { done: false, error: new Error('the shovel was stopped') }
    } finally {
      this.#movedBefore += relay.moved
      this.#relay = null
      relay.close()
      await scope.close()
    }
  }

  // ---- setting up ----

  async #connect(end: 'source' | 'destination', scope: LinkScope, signal: AbortSignal): Promise<End> {
    const { host, name, definition } = this.#options
    const { uris } = definition[end]
    const target = { name: `Shovel ${name}`, defaultVhost: DEFAULT_VHOST }
    try {
      const { connection, uri } = await openAnyLink(host, uris, target, signal)
      return { connection: scope.add(connection), uri: withoutCredentials(uri) }
    } catch (error) {
      if (!(error instanceof AmqpClientError)) throw error
      throw new Error(`the ${end} cannot be reached: ${error.message}`, { cause: error })
    }
  }

  #outgoing(source: End, destination: End): Outgoing {
    const { host, name, vhost, definition } = this.#options
    return new Outgoing(definition, {
      name,
      vhost,
      clusterName: host.clusterName(),
      sourceUri: source.uri,
      destinationUri: destination.uri,
      now: () => host.clock.now(),
    })
  }

  async #openDestination({ connection }: End, relay: Relay): Promise<Channel> {
    const { destination, ackMode } = this.#options.definition
    if (destination.queue !== null) {
      const options = { durable: true, arguments: destination.queueArguments }
      await ensureQueue(connection, destination.queue, destination.predeclared ? null : options)
    }
    const channel = await connection.openChannel(relay.destinationHandlers)
    if (ackMode === 'on-confirm') await channel.confirmSelect()
    return channel
  }

  /** @returns the queue that is consumed from */
  async #prepareSource({ connection }: End, channel: Channel): Promise<string> {
    const { source } = this.#options.definition
    if (source.queue !== null) {
      const options = { durable: true, arguments: source.queueArguments }
      await ensureQueue(connection, source.queue, source.predeclared ? null : options)
      return source.queue
    }
    const { queue } = await channel.declareQueue('', { exclusive: true })
    await channel.bindQueue(queue, source.exchange!, source.exchangeKey)
    return queue
  }

  /** What is still to be moved. Over a lost connection it is not counted anew: what has been moved has been moved. */
  async #count(channel: Channel, queue: string): Promise<void> {
    const { deleteAfter } = this.#options.definition
    if (deleteAfter === 'never') return
    const left = this.#remaining ?? Infinity
    if (deleteAfter === 'queue-length') {
      this.#remaining = Math.min(left, (await channel.checkQueue(queue)).messageCount)
    } else {
      this.#remaining = Math.min(left, deleteAfter)
    }
    this.#unpublished = this.#remaining
  }

  async #consume(channel: Channel, queue: string, relay: Relay): Promise<string> {
    const { source } = this.#options.definition
    const noAck = this.#ackMode === 'no-ack'
    if (!noAck) await channel.prefetch(source.prefetch)
    return channel.consume(queue, relay.onDelivery, {
      noAck,
      arguments: source.consumerArguments,
      onCancelled: () => relay.fail(new Error(`the source has ended the consumer: queue '${queue}' is gone`)),
    })
  }

  /** One that ends after a number of messages must not take more than those: what it leaves has to go back. */
  get #ackMode(): ShovelDefinition['ackMode'] {
    const { ackMode, deleteAfter } = this.#options.definition
    return ackMode === 'no-ack' && deleteAfter !== 'never' ? 'on-publish' : ackMode
  }

  // ---- running ----

  #relayOptions(outgoing: () => Outgoing): ConstructorParameters<typeof Relay>[0] {
    return {
      ackMode: this.#ackMode,
      clock: this.#options.host.clock,
      forward: (delivery, destination) => {
        if (this.#remaining !== null && this.#unpublished === 0) return LEFT
        outgoing().publish(delivery, destination)
        this.#unpublished--
        return FORWARDED
      },
      onMoved: (count) => this.#onMoved(count),
      onRefused: (count) => (this.#unpublished += count),
      onUnreadable: (error) => this.#onUnreadable(error),
    }
  }

  #onUnreadable({ message }: Error): void {
    const { host, name, vhost } = this.#options
    host.broker.limitedLog.warn(`shovel ${vhost} ${name}`, message, { shovel: name, vhost })
  }

  #onMoved(count: number): void {
    if (this.#remaining === null) return
    this.#remaining -= count
    if (this.#remaining <= 0) this.#finish()
  }

  #facts(source: End, destination: End): Partial<ShovelStatus> {
    const { source: from, destination: to } = this.#options.definition
    const given = (facts: Readonly<Record<string, string | null>>): Partial<ShovelStatus> =>
      Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null))
    return {
      src_uri: source.uri,
      src_protocol: from.protocol,
      dest_protocol: to.protocol,
      dest_uri: destination.uri,
      ...given({
        src_queue: from.queue,
        src_exchange: from.queue === null ? from.exchange : null,
        src_exchange_key: from.queue === null ? from.exchangeKey : null,
        dest_exchange: to.exchange,
        dest_exchange_key: to.exchangeKey,
        dest_queue: to.queue,
      }),
    }
  }
}
