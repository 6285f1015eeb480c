import type { Broker } from './core/broker.ts'
import type { Listener, ListenOptions, listen } from './net/listener.ts'
import { SuspendableListener } from './net/suspendable-listener.ts'
import type { FrontEnd } from './protocols/front-end.ts'

const REASON = 'Node was put into maintenance mode'

/**
 * Maintenance mode, as `rabbitmq-upgrade drain` and `revive` know it: clients are sent away and find no port open, while the broker goes
 * on. It ends with the process. The HTTP API and the metrics stay, unlike RabbitMQ's, whose tools have another way into the node.
 */
export class Maintenance {
  readonly #broker: Broker
  readonly #frontEnds: readonly FrontEnd[]
  readonly #listeners: SuspendableListener[] = []
  #isOn = false
  /** What was asked for last; one thing after another. */
  #last: Promise<void> = Promise.resolve()

  /** @param frontEnds of all protocols */
  constructor(broker: Broker, frontEnds: readonly FrontEnd[]) {
    this.#broker = broker
    this.#frontEnds = frontEnds
  }

  /** Whether the node serves no clients, or is about to. */
  get isOn(): boolean {
    return this.#isOn
  }

  /** Listens for clients, so that it ends with maintenance mode and comes back after it. @param open what listens */
  async listen(options: ListenOptions, open: typeof listen): Promise<Listener> {
    const listener = await SuspendableListener.open(options, open)
    this.#listeners.push(listener)
    return listener
  }

  /** Resolves when nobody can connect any more and all clients have been told to go. */
  drain(): Promise<void> {
    return this.#afterwards(() => this.#drain())
  }

  /** Rejects with a ListenError, and stays in maintenance mode, where a port cannot be had again. */
  revive(): Promise<void> {
    return this.#afterwards(() => this.#revive())
  }

  #afterwards(act: () => Promise<void>): Promise<void> {
    const done = this.#last.then(act)
    this.#last = done.catch(() => {})
    return done
  }

  async #drain(): Promise<void> {
    if (this.#isOn) return
    const { events, log } = this.#broker
    log.warn('this node is being put into maintenance (drain) mode')
    this.#isOn = true
    await Promise.all(this.#listeners.map((listener) => listener.suspend()))
    log.warn('all listeners are suspended: no client connections are accepted', { listeners: this.#listeners.length })
    log.warn('client connections closed', { connections: this.#disconnect() })
    const facts = (): Record<string, unknown> => ({ reason: 'node is being put into maintenance' })
    events.emit('maintenance.connections.closed', null, facts)
    events.emit('maintenance.draining', null, facts)
  }

  /** All in one go, so that what one client has not acknowledged is not given to the next that is about to go. */
  #disconnect(): number {
    const isClient = ({ network }: { readonly network: unknown }): boolean => network !== null
    const clients = [...this.#broker.connections].filter(({ facts }) => isClient(facts))
    for (const frontEnd of this.#frontEnds) frontEnd.disconnect?.(REASON)
    // of protocols of plugins that do not know how to
    for (const client of clients) if (!client.closed) client.forceClose(REASON)
    return clients.length
  }

  async #revive(): Promise<void> {
    if (!this.#isOn) return
    const { events, log } = this.#broker
    const outcomes = await Promise.allSettled(this.#listeners.map((listener) => listener.resume()))
    const failed = outcomes.find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) {
      await Promise.all(this.#listeners.map((listener) => listener.suspend()))
      this.#disconnect()
      throw failed.reason
    }
    this.#isOn = false
    log.info('this node is back from maintenance mode and accepts client connections', {
      listeners: this.#listeners.length,
    })
    events.emit('maintenance.revived', null, () => ({}))
  }
}
