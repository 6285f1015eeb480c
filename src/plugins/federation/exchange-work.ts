import { AmqpReplyError, type Channel, type Delivery, Properties, type QueueOptions } from '../../amqp-client/index.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Binding } from '../../core/exchanges/exchange-type.ts'
import { type Field, long, longstr, stringOf, type Table } from '../../core/fields.ts'
import { REPLY_CODES } from '../../core/reply-codes.ts'
import { canonicalTable } from '../../core/typed-json.ts'
import type { Timer } from '../../util/clock.ts'
import { ensure } from '../links/ensure.ts'
import { openLink } from '../links/link-host.ts'
import { DROPPED, type Fate, FORWARDED } from '../links/relay.ts'
import type { LinkEnds, LinkWork } from './link-work.ts'
import { exchangeHeaders, isPropagated, type Place, shouldForward, upstreamArguments } from './received-from.ts'

/** How often it is looked whether the exchanges upstream are still there; RabbitMQ looks for the internal one only. */
const CHECK_MS = 90_000

/**
 * The link of a federated exchange. Upstream it has a queue that gathers messages while the link is down, fed by an internal exchange, which
 * is bound to the upstream's exchange wherever something is bound to the exchange here:
 *
 *     upstream:    exchange ── bindings as here ──▶ federation: X -> cluster B ──▶ queue federation: X -> cluster
 *     downstream:  exchange ◀──────────────────────────── link ◀───────────────────────────┘
 *
 * The internal exchange is a new one each time (A, B, A …), and the old one goes when all bindings lead to the new one: none is missed.
 */
export class ExchangeWork implements LinkWork {
  consumerTag: string | null = null
  readonly #ends: LinkEnds
  readonly #exchange: Exchange
  readonly #queue: string
  readonly #upstream: Place
  readonly #downstream: Place
  #internal = ''
  #commands: Channel | null = null
  /** Destinations by what they are bound with: upstream it is one binding for all of them. */
  readonly #bound = new Map<string, Set<string>>()
  /** The bindings that there are have been made upstream: from here on those that come and go are. */
  #follows = false
  #check: Timer | null = null
  #ended = false

  constructor(ends: LinkEnds, vhost: string, exchange: Exchange) {
    this.#ends = ends
    this.#exchange = exchange
    this.#downstream = { clusterName: ends.host.clusterName(), vhost }
    const { serverProperties } = ends.connection
    this.#upstream = { clusterName: stringOf(serverProperties.get('cluster_name')), vhost: ends.upstreamVhost }
    this.#queue = upstreamQueueName(ends.upstream.exchange, this.#upstream.vhost, exchange.name, this.#downstream)
  }

  async begin(): Promise<void> {
    const { connection, channel, upstream, relay } = this.#ends
    await this.#consume()
    this.#commands = upstream.ownCommandChannel ? await connection.openChannel(relay.sourceHandlers) : channel
    const before = (await this.#exists(this.#internalName('B'))) ? 'B' : 'A'
    const next = before === 'A' ? 'B' : 'A'
    await this.#ensureUpstreamExchange()
    this.#internal = this.#internalName(next)
    await this.#declareInternal()
    await channel.bindQueue(this.#queue, this.#internal, '')
    this.#follows = true
    const bound = Promise.all([...this.#exchange.bindings.values()].map((binding) => this.#add(binding)))
    if (upstream.bindNoWait) bound.catch((error: Error) => relay.fail(error))
    else await bound
    await this.#onOwnChannel((own) => own.deleteExchange(this.#internalName(before)))
    this.#checkLater()
  }

  #internalName(suffix: string): string {
    return `${this.#queue} ${suffix}`
  }

  async #consume(): Promise<void> {
    const { channel, upstream, relay } = this.#ends
    await channel.declareQueue(this.#queue, this.#queueOptions())
    const noAck = upstream.ackMode === 'no-ack'
    if (!noAck) await channel.prefetch(upstream.prefetch)
    this.consumerTag = await channel.consume(this.#queue, relay.onDelivery, {
      noAck,
      onCancelled: () => relay.fail(new Error(`the upstream has ended the consumer: queue '${this.#queue}' is gone`)),
    })
  }

  #queueOptions(): QueueOptions {
    const { expiresMs, messageTtlMs, haPolicy, queueType } = this.#ends.upstream
    const args: Table = new Map()
    if (expiresMs !== null) args.set('x-expires', long(expiresMs))
    if (messageTtlMs !== null) args.set('x-message-ttl', long(messageTtlMs))
    if (haPolicy !== null) args.set('x-ha-policy', longstr(haPolicy))
    args.set('x-internal-purpose', longstr('federation'))
    if (queueType !== null) args.set('x-queue-type', longstr(queueType))
    return { durable: true, arguments: args }
  }

  async #ensureUpstreamExchange(): Promise<void> {
    const { type, durable, autoDelete, internal, arguments: args } = this.#exchange
    const name = this.#ends.upstream.exchange
    await ensure(
      this.#ends.connection,
      (channel) => channel.checkExchange(name),
      (channel) => channel.declareExchange(name, type, { durable, autoDelete, internal, arguments: args }),
    )
  }

  /** A broker without federation does not know the type, and may even close the connection for it: a fanout does instead. */
  async #declareInternal(): Promise<void> {
    const { host, uri, upstream } = this.#ends
    await this.#onOwnChannel((channel) => channel.deleteExchange(this.#internal))
    const purpose: [string, Field] = ['x-internal-purpose', longstr('federation')]
    const options = { durable: true, internal: true, autoDelete: true }
    const args: Table = new Map<string, Field>([
      ['x-max-hops', long(upstream.maxHops)],
      ['x-downstream-name', longstr(this.#downstream.clusterName ?? '')],
      ['x-downstream-vhost', longstr(this.#downstream.vhost)],
      purpose,
    ])
    const target = { uri, defaultVhost: this.#downstream.vhost, name: 'Federation link: setting up' }
    const connection = await openLink(host, target, AbortSignal.timeout(SETUP_TIMEOUT_MS))
    try {
      const channel = await connection.openChannel()
      await channel.declareExchange(this.#internal, 'x-federation-upstream', { ...options, arguments: args })
    } catch (error) {
      if (!(error instanceof AmqpReplyError)) throw error
      await this.#commands!.declareExchange(this.#internal, 'fanout', { ...options, arguments: new Map([purpose]) })
    } finally {
      await connection.close()
    }
  }

  // ---- messages ----

  forward(delivery: Delivery, destination: Channel): Fate {
    const { upstream, shownUri } = this.#ends
    const { properties, routingKey, redelivered } = delivery
    if (!shouldForward(properties.headers, upstream.maxHops, this.#downstream)) return DROPPED
    const changed = Object.assign(new Properties(), properties)
    changed.headers = exchangeHeaders(properties.headers, shownUri, this.#exchange.name, this.#upstream, redelivered)
    if (!upstream.trustUserId) changed.userId = null
    destination.publish(this.#exchange.name, routingKey, changed, delivery.body)
    return FORWARDED
  }

  // ---- bindings ----

  onBinding(binding: Binding, added: boolean): void {
    if (!this.#follows || this.#ended) return
    const done = added ? this.#add(binding) : this.#remove(binding)
    done.catch((error: Error) => this.#ends.relay.fail(error))
  }

  async #add(binding: Binding): Promise<void> {
    const args = this.#argumentsUpstream(binding)
    if (args === null) return
    if (!isPropagated(binding.arguments)) {
      const known = this.#bound.get(keyOf(binding))
      if (known !== undefined) {
        known.add(destinationOf(binding))
        return
      }
      this.#bound.set(keyOf(binding), new Set([destinationOf(binding)]))
    }
    await this.#commands!.bindExchange(this.#internal, this.#ends.upstream.exchange, binding.key, args)
  }

  async #remove(binding: Binding): Promise<void> {
    const args = this.#argumentsUpstream(binding)
    if (args === null) return
    if (!isPropagated(binding.arguments)) {
      const known = this.#bound.get(keyOf(binding))
      known?.delete(destinationOf(binding))
      if (known === undefined || known.size > 0) return
      this.#bound.delete(keyOf(binding))
    }
    await this.#commands!.unbindExchange(this.#internal, this.#ends.upstream.exchange, binding.key, args)
  }

  #argumentsUpstream({ arguments: args }: Binding): Table | null {
    const suffix = this.#internal.slice(-1)
    const { vhost } = this.#downstream
    const internal = `${vhost}:${this.#exchange.name} ${suffix}`
    return upstreamArguments(args, this.#ends.upstream.maxHops, this.#upstream, this.#downstream, internal)
  }

  // ---- the upstream's exchange ----

  /** When one of the two is deleted, with what was bound, nobody is told. */
  #checkLater(): void {
    this.#check = this.#ends.host.clock.schedule(CHECK_MS, { onTimer: () => void this.#checkExchanges() })
  }

  async #checkExchanges(): Promise<void> {
    try {
      for (const name of [this.#ends.upstream.exchange, this.#internal]) {
        if (!(await this.#exists(name))) throw new Error(`the exchange '${name}' is gone from the upstream`)
      }
      if (!this.#ended) this.#checkLater()
    } catch (error) {
      this.#ends.relay.fail(error as Error)
    }
  }

  async #exists(name: string): Promise<boolean> {
    try {
      const channel = await this.#ends.connection.openChannel()
      await channel.checkExchange(name)
      await channel.close()
      return true
    } catch (error) {
      if (error instanceof AmqpReplyError && error.replyCode === REPLY_CODES.notFound.code) return false
      throw error
    }
  }

  /** Does what may be refused, which costs a channel, and does not mind if it is. */
  async #onOwnChannel(act: (channel: Channel) => Promise<unknown>): Promise<void> {
    try {
      const channel = await this.#ends.connection.openChannel()
      await act(channel)
      await channel.close()
    } catch (error) {
      if (!(error instanceof AmqpReplyError) || error.scope !== 'channel') throw error
    }
  }

  end(): void {
    this.#ended = true
    this.#check?.cancel()
  }

  async cleanUp(): Promise<void> {
    if (!this.#ends.upstream.cleansUp) return
    await this.#onOwnChannel((channel) => channel.deleteQueue(this.#queue))
    await this.#onOwnChannel((channel) => channel.deleteExchange(this.#internal))
  }
}

const SETUP_TIMEOUT_MS = 30_000

const keyOf = ({ key, arguments: args }: Binding): string => JSON.stringify([key, canonicalTable(args)])
const destinationOf = ({ destination }: Binding): string => JSON.stringify([destination.kind, destination.name])

/** As RabbitMQ names it: `federation: X -> cluster`, with what is called otherwise downstream. */
function upstreamQueueName(upstreamExchange: string, upstreamVhost: string, exchange: string, here: Place): string {
  let suffix = ''
  if (here.vhost !== upstreamVhost) suffix = `:${here.vhost}:${exchange}`
  else if (exchange !== upstreamExchange) suffix = `:${exchange}`
  return `federation: ${upstreamExchange} -> ${here.clusterName ?? ''}${suffix}`
}
