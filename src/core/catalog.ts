import { type MetadataStore, UnusableRowError } from '../store/metadata-store.ts'
import type { Exchange } from './exchange.ts'
import type { Binding } from './exchanges/exchange-type.ts'
import type { Queue } from './queues/queue.ts'
import type { StoredSideLog } from './side-logs.ts'
import { canonicalTable, tableFromTyped, tableToTyped, type TypedJson } from './typed-json.ts'
import type { Table } from './fields.ts'

/*
 * Keys of the metadata store. Each part is percent-encoded, so `/` only separates.
 *
 *     vhost/<vhost>                                 VHostMetadata
 *     user/<user>                                   the user, as in a definitions file
 *     permission/<vhost>/<user>                     configure, write, read
 *     topic-permission/<vhost>/<user>/<exchange>    write, read
 *     exchange/<vhost>/<exchange>                   StoredExchange
 *     queue/<vhost>/<queue>                         StoredQueue
 *     side-log/<vhost>/<kind of owner>/<owner>/<purpose>                 StoredSideLog
 *     binding/<vhost>/<source>/<kind>/<destination>/<key>/<arguments>   StoredBinding
 *     policy/<vhost>/<name>, operator-policy/<vhost>/<name>             as in a definitions file
 *     parameter/<vhost>/<component>/<name>, global-parameter/<name>     the value
 */
type TypedTable = Record<string, TypedJson>

export interface StoredExchange {
  readonly type: string
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: TypedTable
  /** Who declared it; absent where that was before it was written down. */
  readonly user?: string
}

export interface StoredQueue {
  readonly id: number
  readonly type: string
  readonly autoDelete: boolean
  /** Absent where nothing holds its messages back. */
  readonly paused?: true
  /** Absent where the log has each ready message at the level that its priority gives it. */
  readonly misfiled?: true
  readonly arguments: TypedTable
}

export interface StoredBinding {
  /** Rises with each binding made. */
  readonly order: number
  readonly arguments: TypedTable
}

export const keyOf = (...parts: readonly string[]): string => parts.map(encodeURIComponent).join('/')

/** @throws URIError for what is no key */
export const partsOf = (key: string): string[] => key.split('/').map(decodeURIComponent)

export function isKey(text: string): boolean {
  try {
    return partsOf(text).length > 0
  } catch {
    return false
  }
}

/** Everything stored, by kind: the parts of the key and the value. */
export type CatalogRows = ReadonlyMap<string, [parts: string[], value: unknown][]>

/** @throws UnusableRowError for whatever `load` throws */
export function loadRow(kind: string, parts: readonly string[], load: () => void): void {
  try {
    load()
  } catch (error) {
    throw new UnusableRowError(keyOf(kind, ...parts), error as Error)
  }
}

/** Writes what is durable of the broker's topology and settings; reading it back is the broker's start. */
export class Catalog {
  /** Of the newest binding. */
  lastOrder = 0
  /** Changes so far. */
  changes = 0
  readonly #store: MetadataStore

  constructor(store: MetadataStore) {
    this.#store = store
  }

  put(kind: string, parts: readonly string[], value: unknown): void {
    this.changes++
    this.#store.put(keyOf(kind, ...parts), value)
  }

  delete(kind: string, parts: readonly string[]): void {
    this.changes++
    this.#store.delete(keyOf(kind, ...parts))
  }

  putExchange(vhost: string, exchange: Exchange): void {
    const { name, type, autoDelete, internal, arguments: args, createdBy: user } = exchange
    const stored: StoredExchange = { type, autoDelete, internal, arguments: tableToTyped(args), user }
    this.put('exchange', [vhost, name], stored)
  }

  deleteExchange(vhost: string, name: string): void {
    this.delete('exchange', [vhost, name])
  }

  putQueue(vhost: string, queue: Queue): void {
    const { name, id, type, autoDelete, paused, unsettledLevels, arguments: args } = queue
    const facts: StoredQueue = { id, type, autoDelete, arguments: tableToTyped(args) }
    const misfiled = unsettledLevels > 0
    this.put('queue', [vhost, name], { ...facts, ...(paused && { paused }), ...(misfiled && { misfiled }) })
  }

  deleteQueue(vhost: string, name: string): void {
    this.delete('queue', [vhost, name])
  }

  putSideLog(vhost: string, kind: string, owner: string, purpose: string, stored: StoredSideLog): void {
    this.put('side-log', [vhost, kind, owner, purpose], stored)
  }

  deleteSideLog(vhost: string, kind: string, owner: string, purpose: string): void {
    this.delete('side-log', [vhost, kind, owner, purpose])
  }

  putBinding(vhost: string, binding: Binding): void {
    const stored: StoredBinding = { order: ++this.lastOrder, arguments: tableToTyped(binding.arguments) }
    this.put('binding', bindingParts(vhost, binding), stored)
  }

  deleteBinding(vhost: string, binding: Binding): void {
    this.delete('binding', bindingParts(vhost, binding))
  }

  async load(): Promise<CatalogRows> {
    const kinds = new Map<string, [string[], unknown][]>()
    for (const [key, value] of await this.#store.load()) {
      const [kind = '', ...parts] = partsOf(key)
      const rows = kinds.get(kind)
      if (rows === undefined) kinds.set(kind, [[parts, value]])
      else rows.push([parts, value])
    }
    return kinds
  }
}

const bindingParts = (vhost: string, { source, destination, key, arguments: args }: Binding): string[] => [
  vhost,
  source,
  destination.kind,
  destination.name,
  key,
  canonicalTable(args),
]

export const storedArguments = (stored: { readonly arguments: TypedTable }): Table => tableFromTyped(stored.arguments)
