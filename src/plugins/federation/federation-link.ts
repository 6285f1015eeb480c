import { createHash } from 'node:crypto'
import { AmqpClientError, type Channel, parseAmqpUri, withoutCredentials } from '../../amqp-client/index.ts'
import type { Binding } from '../../core/exchanges/exchange-type.ts'
import type { FederationLinkStatus } from '../../core/links.ts'
import { Attempts, type Outcome } from '../links/attempts.ts'
import { anyOf, type LinkHost, openLink, openLocalLink } from '../links/link-host.ts'
import { LinkScope } from '../links/link-scope.ts'
import { localTime } from '../links/local-time.ts'
import { Relay } from '../links/relay.ts'
import { ExchangeWork } from './exchange-work.ts'
import type { LinkEnds, LinkSpec, LinkWork } from './link-work.ts'
import { QueueWork } from './queue-work.ts'

export interface FederationLinkOptions {
  readonly host: LinkHost
  readonly spec: LinkSpec
  /** Its status has changed. */
  readonly onStatus: () => void
}

type Progress = Pick<FederationLinkStatus, 'status' | 'uri' | 'local_connection' | 'error'>

/**
 *     starting ── both brokers are there ──▶ running
 *        ▲                                      │ one is lost, or refuses
 *        └──────── after the delay ─── error ◀──┘
 *
 * Brings messages of one upstream to one exchange or queue here.
 */
export class FederationLink {
  readonly spec: LinkSpec
  readonly id: string
  readonly #host: LinkHost
  readonly #onStatus: () => void
  readonly #attempts: Attempts
  #progress: Progress
  #since: number
  #work: LinkWork | null = null
  #isRemoved = false
  /** Why it stopped last; empty since it has run. */
  #lastReason = ''

  constructor({ host, spec, onStatus }: FederationLinkOptions) {
    this.#host = host
    this.spec = spec
    this.id = idOf(spec)
    this.#onStatus = onStatus
    this.#since = host.clock.now()
    this.#progress = { status: 'starting', uri: withoutCredentials(spec.upstream.uris[0] ?? '') }
    this.#attempts = new Attempts({
      clock: host.clock,
      delayMs: spec.upstream.reconnectDelayMs,
      run: (signal) => this.#run(signal),
      onFailed: (error) => this.#onFailed(error),
      onDone: () => {},
    })
  }

  start(): void {
    this.#attempts.start()
  }

  restart(): Promise<void> {
    return this.#attempts.restart()
  }

  /** @param removed for good: nothing of it is to be left upstream. Resolves when nothing of it runs any more */
  stop(removed: boolean): Promise<void> {
    this.#isRemoved = removed
    return this.#attempts.stop()
  }

  onBinding(binding: Binding, added: boolean): void {
    this.#work?.onBinding(binding, added)
  }

  get status(): FederationLinkStatus {
    const { vhost, target, upstream } = this.spec
    const names =
      target.kind === 'exchange'
        ? { exchange: target.name, upstream_exchange: upstream.exchange }
        : { queue: target.name, upstream_queue: upstream.queue, consumer_tag: upstream.consumerTag }
    return {
      node: this.#host.broker.options.nodeName,
      ...names,
      type: target.kind,
      vhost,
      upstream: upstream.name,
      id: this.id,
      ...this.#progress,
      timestamp: localTime(this.#since),
    }
  }

  #report(progress: Progress): void {
    this.#progress = progress
    this.#since = this.#host.clock.now()
    this.#onStatus()
  }

  #logFacts(): Record<string, unknown> {
    const { vhost, target, upstream } = this.spec
    return { [target.kind]: target.name, vhost, upstream: upstream.name, uri: this.#progress.uri }
  }

  #onFailed(error: Error): void {
    // every attempt may fail for the same reason, for days
    if (this.#lastReason !== error.message) {
      this.#host.log.warn('a federation link has stopped', { ...this.#logFacts(), reason: error.message })
    }
    this.#lastReason = error.message
    this.#report({ status: 'error', error: error.message, uri: this.#progress.uri })
  }

  async #run(signal: AbortSignal): Promise<Outcome> {
    const { upstream, target, vhost } = this.spec
    if (upstream.uris.length === 0) throw new Error('the upstream has no address')
    const uri = anyOf(upstream.uris, this.#host.broker.random)
    const shownUri = withoutCredentials(uri)
    this.#report({ status: 'starting', uri: shownUri })
    const scope = new LinkScope(signal)
    const relay: Relay = new Relay({
      ackMode: upstream.ackMode,
      clock: this.#host.clock,
      forward: (delivery, destination) => this.#work!.forward(delivery, destination),
      onUnreadable: ({ message }) => this.#host.broker.limitedLog.warn(`link ${this.id}`, message, this.#logFacts()),
    })
    try {
      const local = await this.#openLocal(scope, relay, signal)
      const connection = scope.add(
        await openLink(this.#host, { uri, defaultVhost: vhost, name: this.#connectionName }, signal),
      )
      const channel = await connection.openChannel(relay.sourceHandlers)
      relay.connect(channel, local.channel)
      const upstreamVhost = parseAmqpUri(uri, vhost).vhost
      const ends: LinkEnds = { host: this.#host, upstream, connection, channel, relay, uri, shownUri, upstreamVhost }
      this.#work = target.kind === 'exchange' ? new ExchangeWork(ends, vhost, target) : new QueueWork(ends, target)
      await this.#work.begin()
      scope.settle()
      this.#report({ status: 'running', local_connection: local.name, uri: shownUri })
      this.#lastReason = ''
      this.#host.log.info('a federation link is running', this.#logFacts())
      const error = await Promise.race([relay.ended, scope.aborted])
      if (error instanceof Error) throw error
      await this.#leave(relay, this.#work)
      return { done: false, error: new Error('the link was stopped') }
    } finally {
      this.#work?.end()
      this.#work = null
      relay.close()
      await scope.close()
    }
  }

  async #openLocal(scope: LinkScope, relay: Relay, signal: AbortSignal): Promise<{ channel: Channel; name: string }> {
    const { connection, localName } = await openLocalLink(this.#host, this.spec.vhost, this.#connectionName, signal)
    const channel = await scope.add(connection).openChannel(relay.destinationHandlers)
    if (this.spec.upstream.ackMode === 'on-confirm') await channel.confirmSelect()
    return { channel, name: localName }
  }

  get #connectionName(): string {
    const { upstream, policy } = this.spec
    return policy === null ? 'Federation link' : `Federation link (upstream: ${upstream.name}, policy: ${policy})`
  }

  async #leave(relay: Relay, work: LinkWork): Promise<void> {
    work.end()
    await relay.drain(work.consumerTag)
    if (!this.#isRemoved) return
    try {
      await work.cleanUp()
    } catch (error) {
      // the upstream is gone: what is left there expires, if it is to
      if (!(error instanceof AmqpClientError)) throw error
    }
  }
}

/** Of the link, whatever its upstream's address is. */
export function keyOf({ vhost, target, upstream }: LinkSpec): string {
  const there = target.kind === 'exchange' ? upstream.exchange : upstream.queue
  return JSON.stringify([vhost, target.kind, target.name, upstream.name, there])
}

const idOf = (spec: LinkSpec): string => createHash('sha256').update(keyOf(spec)).digest('hex').slice(0, 8)
