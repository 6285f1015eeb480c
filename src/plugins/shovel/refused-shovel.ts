import type { ShovelStatus } from '../../core/links.ts'
import type { LinkHost } from '../links/link-host.ts'
import { localTime } from '../links/local-time.ts'
import type { ManagedShovel } from './shovel.ts'

/** Stands for a shovel whose parameter was kept, and that cannot run: it only tells why. */
export class RefusedShovel implements ManagedShovel {
  readonly status: ShovelStatus
  readonly #onStatus: () => void

  constructor(host: LinkHost, vhost: string, name: string, reason: string, onStatus: () => void) {
    this.status = {
      node: host.broker.options.nodeName,
      timestamp: localTime(host.clock.now()),
      name,
      vhost,
      type: 'dynamic',
      state: 'terminated',
      reason,
    }
    this.#onStatus = onStatus
    host.log.warn('a shovel cannot run', { shovel: name, vhost, reason })
  }

  start(): void {
    this.#onStatus()
  }

  async restart(): Promise<void> {}

  async stop(): Promise<void> {}
}
