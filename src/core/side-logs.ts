import type { MessageStore, QueueLog } from '../store/message-store.ts'
import type { Catalog } from './catalog.ts'

/** What a side log belongs to, and with which it goes. */
export interface SideLogOwner {
  readonly kind: 'queue' | 'exchange' | 'vhost'
  /** Empty for the virtual host itself. */
  readonly name: string
  /** Whether its log is found again after a restart. */
  readonly durable: boolean
}

export interface StoredSideLog {
  /** Of the log in the message store. */
  readonly id: number
}

export interface SideLogsHost {
  readonly vhost: string
  readonly store: MessageStore
  readonly catalog: Catalog
  nextLogId(): number
}

interface SideLog {
  readonly id: number
  durable: boolean
  log: QueueLog | null
}

/**
 * Logs in the message store that belong to no queue: what an exchange or a queue has to keep besides the messages that can be had from
 * it, such as messages that are not due yet, and what a virtual host keeps that is in none of them. Each owner has at most one for each purpose.
 */
export class SideLogs {
  readonly #host: SideLogsHost
  readonly #logs = new Map<string, SideLog>()

  constructor(host: SideLogsHost) {
    this.#host = host
  }

  /** Takes over what the catalog has, before anything is opened. */
  restore(kind: string, name: string, purpose: string, { id }: StoredSideLog): void {
    this.#logs.set(keyOf(kind, name, purpose), { id, durable: true, log: null })
  }

  /** Whether there is one, be it from before a restart. */
  has(owner: SideLogOwner, purpose: string): boolean {
    return this.#logs.has(keyOf(owner.kind, owner.name, purpose))
  }

  /** The log of an owner for a purpose: the one that was there before a restart, or a new one. */
  open(owner: SideLogOwner, purpose: string): QueueLog {
    const key = keyOf(owner.kind, owner.name, purpose)
    let found = this.#logs.get(key)
    if (found === undefined) {
      found = { id: this.#host.nextLogId(), durable: owner.durable, log: null }
      this.#logs.set(key, found)
      if (owner.durable)
        this.#host.catalog.putSideLog(this.#host.vhost, owner.kind, owner.name, purpose, { id: found.id })
    }
    return (found.log ??= this.#host.store.queue(found.id))
  }

  /** The owner is found again after a restart, or not any more: the same goes for its log of one purpose, if there is one. */
  followOwner(owner: SideLogOwner, purpose: string): void {
    const found = this.#logs.get(keyOf(owner.kind, owner.name, purpose))
    if (found === undefined || found.durable === owner.durable) return
    found.durable = owner.durable
    const { catalog, vhost } = this.#host
    if (owner.durable) catalog.putSideLog(vhost, owner.kind, owner.name, purpose, { id: found.id })
    else catalog.deleteSideLog(vhost, owner.kind, owner.name, purpose)
  }

  /** Deletes the log of one purpose, with all that is in it. */
  delete(owner: SideLogOwner, purpose: string): void {
    const key = keyOf(owner.kind, owner.name, purpose)
    const found = this.#logs.get(key)
    if (found === undefined) return
    this.#logs.delete(key)
    found.log?.delete()
    if (found.durable) this.#host.catalog.deleteSideLog(this.#host.vhost, owner.kind, owner.name, purpose)
  }

  /** Deletes what the catalog had and nobody opened: its owner is gone, or does not need it any more. */
  deleteUnclaimed(): void {
    for (const [key, { log }] of this.#logs) {
      if (log !== null) continue
      const [kind, name, purpose] = key.split('\0') as [string, string, string]
      this.#logs.delete(key)
      this.#host.catalog.deleteSideLog(this.#host.vhost, kind, name, purpose)
    }
  }
}

const keyOf = (kind: string, name: string, purpose: string): string => `${kind}\0${name}\0${purpose}`
