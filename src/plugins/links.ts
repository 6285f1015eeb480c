import type { Broker } from '../core/broker.ts'
import type { FederationControl, ShovelControl } from '../core/links.ts'
import { Federation } from './federation/federation.ts'
import { federationComponents } from './federation/parameters.ts'
import { upstreamExchangeType } from './federation/upstream-exchange-type.ts'
import type { LinkHost } from './links/link-host.ts'
import { shovelComponent } from './shovel/parameter.ts'
import { Shovels } from './shovel/shovels.ts'

/** Tells the broker what it has to know before it reads its metadata. */
export function registerLinks(broker: Broker): void {
  for (const component of [shovelComponent(broker), ...federationComponents(broker)]) {
    broker.parameters.register(component)
  }
  broker.exchangeTypes.register(upstreamExchangeType)
}

/**
 * The links of a node to other brokers. Unlike other plugins they are started when the broker listens already, since some lead to its own
 * ports, and stopped before its clients are, since their own connections are among those.
 */
export class Links {
  readonly #shovels: Shovels
  readonly #federation: Federation

  constructor(host: LinkHost) {
    this.#shovels = new Shovels(host)
    this.#federation = new Federation(host)
  }

  get shovels(): ShovelControl {
    return this.#shovels
  }

  get federation(): FederationControl {
    return this.#federation
  }

  /** Starts what parameters and policies ask for, and follows them from now on. */
  start(): void {
    this.#shovels.start()
    this.#federation.start()
  }

  /** Ends all of them, after what is under way; some seconds at most. */
  async stop(): Promise<void> {
    await Promise.all([this.#shovels.stop(), this.#federation.stop()])
  }
}
