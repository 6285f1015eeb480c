import type { Broker } from '../../core/broker.ts'
import type { BrokerEvent } from '../../core/events.ts'
import type { VHost } from '../../core/vhost.ts'
import { clientOfQueue, isSharedQueue, sharedQueueOf } from './session-queues.ts'
import { parseShared } from './topics.ts'

/** Members by the queue that they share. */
type Groups = Map<string, Set<string>>

/**
 * Who shares which subscription (`$share/group/filter`). The queue of a group goes with its last member. Members whose sessions outlast their
 * connections have a binding that says so, and are found again after a restart.
 */
export class SharedGroups {
  readonly #exchange: string
  readonly #vhosts = new Map<string, Groups>()
  readonly #stopListening: () => void

  /** @param exchange where subscriptions are bound */
  constructor(broker: Broker, exchange: string) {
    this.#exchange = exchange
    for (const vhost of broker.vhosts.values()) this.#recover(vhost)
    const onDeleted = ({ name, vhost, facts }: BrokerEvent): void => {
      if (name === 'vhost.deleted') this.#vhosts.delete(vhost!)
      else this.#onDeleted(broker.vhosts.get(vhost!), String(facts['name']))
    }
    this.#stopListening = broker.events.listen(onDeleted, ['vhost.deleted', 'queue.deleted'])
  }

  #recover(vhost: VHost): void {
    for (const { key, destination } of vhost.exchanges.get(this.#exchange)?.bindings.values() ?? []) {
      const shared = parseShared(key)
      const member = clientOfQueue(destination.name)
      if (shared !== null && member !== null) this.join(vhost, sharedQueueOf(shared.group, shared.filter), member)
    }
    this.#deleteDeserted(vhost)
  }

  /** After a crash: members whose sessions were their connections' own are gone, and nobody would ever empty or delete the queue. */
  #deleteDeserted(vhost: VHost): void {
    const members = this.#vhosts.get(vhost.name)
    for (const queue of [...vhost.queues.values()]) {
      if (!isSharedQueue(queue.name) || members?.has(queue.name) === true) continue
      // another exchange was configured before, or somebody has a use of their own for it
      if ([...vhost.bindingsTo(queue)].some(({ source }) => source !== this.#exchange && source !== '')) continue
      vhost.deleteQueue(queue)
    }
  }

  /** A session is over, or the shared queue is. */
  #onDeleted(vhost: VHost | undefined, queue: string): void {
    if (vhost === undefined) return
    const groups = this.#vhosts.get(vhost.name)
    if (groups === undefined) return
    groups.delete(queue)
    const member = clientOfQueue(queue)
    if (member === null) return
    for (const shared of [...groups.keys()]) this.leave(vhost, shared, member)
  }

  /** Subscriptions that are shared. */
  get count(): number {
    let sum = 0
    for (const groups of this.#vhosts.values()) for (const members of groups.values()) sum += members.size
    return sum
  }

  join(vhost: VHost, queue: string, clientId: string): void {
    let groups = this.#vhosts.get(vhost.name)
    if (groups === undefined) this.#vhosts.set(vhost.name, (groups = new Map()))
    let members = groups.get(queue)
    if (members === undefined) groups.set(queue, (members = new Set()))
    members.add(clientId)
  }

  /** With the last one, the queue goes. */
  leave(vhost: VHost, queue: string, clientId: string): void {
    const groups = this.#vhosts.get(vhost.name)
    const members = groups?.get(queue)
    if (members === undefined || !members.delete(clientId) || members.size > 0) return
    groups!.delete(queue)
    const shared = vhost.queues.get(queue)
    if (shared !== undefined) vhost.deleteQueue(shared)
  }

  close(): void {
    this.#stopListening()
  }
}
