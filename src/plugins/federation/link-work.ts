import type { AmqpConnection, Channel, Delivery } from '../../amqp-client/index.ts'
import type { Exchange } from '../../core/exchange.ts'
import type { Binding } from '../../core/exchanges/exchange-type.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { LinkHost } from '../links/link-host.ts'
import type { Fate, Relay } from '../links/relay.ts'
import type { Upstream } from './upstream.ts'

/** What is federated with which upstream: all that a link is made of. */
export interface LinkSpec {
  readonly vhost: string
  readonly target: Exchange | Queue
  readonly upstream: Upstream
  /** Of the policy that asks for it. */
  readonly policy: string | null
}

/** What a link works with while both brokers are there. */
export interface LinkEnds {
  readonly host: LinkHost
  readonly upstream: Upstream
  /** To the upstream, with the channel that messages come by. */
  readonly connection: AmqpConnection
  readonly channel: Channel
  readonly relay: Relay
  /** The upstream's address, and as it may be shown. */
  readonly uri: string
  readonly shownUri: string
  /** Virtual host of the upstream. */
  readonly upstreamVhost: string
}

/** What exchanges and queues do differently. */
export interface LinkWork {
  /** Of the consumer upstream; null while there is none. */
  readonly consumerTag: string | null
  /** Makes what is needed upstream, and begins. @throws AmqpClientError and others */
  begin(): Promise<void>
  /** Publishes a message of the upstream here. @returns as a relay's `forward` does */
  forward(delivery: Delivery, destination: Channel): Fate
  /** A binding of the federated exchange has come or gone. */
  onBinding(binding: Binding, added: boolean): void
  /** The link ends: nothing more is begun. */
  end(): void
  /** The link is removed: nothing of it is to be left upstream. */
  cleanUp(): Promise<void>
}
