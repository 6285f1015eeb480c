import { closedError, jsonOf, type MetadataStore, requireKey } from '../metadata-store.ts'

/**
 * Metadata that ends with the process: for tests and for brokers inside of an application. Values are kept as JSON, so that a
 * caller gets the same copies and the same losses (undefined fields) as from a store on disk.
 */
export class MemoryMetadataStore implements MetadataStore {
  readonly #committed = new Map<string, string>()
  readonly #open = new Map<string, string | null>()
  #closed = false

  load(): Promise<Iterable<readonly [key: string, value: unknown]>> {
    if (this.#closed) return Promise.reject(closedError())
    const rows = [...this.#committed].sort(([a], [b]) => (a < b ? -1 : 1))
    return Promise.resolve(rows.map(([key, json]) => [key, JSON.parse(json)] as const))
  }

  put(key: string, value: unknown): void {
    if (this.#closed) throw closedError()
    this.#open.set(requireKey(key), jsonOf(key, value))
  }

  delete(key: string): void {
    if (this.#closed) throw closedError()
    this.#open.set(requireKey(key), null)
  }

  get dirty(): boolean {
    return this.#open.size > 0
  }

  commit(): Promise<void> {
    if (this.#closed) return Promise.reject(closedError())
    this.#apply()
    return Promise.resolve()
  }

  settled(): Promise<void> | null {
    return this.dirty ? this.commit() : null
  }

  close(): Promise<void> {
    this.#apply()
    this.#closed = true
    return Promise.resolve()
  }

  #apply(): void {
    for (const [key, json] of this.#open) {
      if (json === null) this.#committed.delete(key)
      else this.#committed.set(key, json)
    }
    this.#open.clear()
  }
}
