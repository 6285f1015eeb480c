import type { Broker } from '../core/broker.ts'
import type { ShovelControl } from '../core/links.ts'
import type { LinkHost } from './links/link-host.ts'
import { shovelComponent } from './shovel/parameter.ts'
import { Shovels } from './shovel/shovels.ts'

/** The links to other brokers that run in a node. */
export interface RunningLinks {
  readonly shovels: ShovelControl
  /** Ends all of them, after what is under way; some seconds at most. */
  stop(): Promise<void>
}

/** Tells the broker what it has to know before it reads its metadata. */
export function registerLinks(broker: Broker): void {
  broker.parameters.register(shovelComponent(broker))
}

/** Starts the links that there are, and follows parameters and policies from now on. */
export function startLinks(host: LinkHost): RunningLinks {
  const shovels = new Shovels(host)
  return { shovels, stop: () => shovels.stop() }
}
