/** The metadata cannot be read or written, for a reason outside the program; the text names the place. */
export class MetadataStoreError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'MetadataStoreError'
  }
}

/** A row can be read, and not used. */
export class UnusableRowError extends MetadataStoreError {
  constructor(key: string, cause: Error) {
    super(`metadata that cannot be used: ${key}: ${cause.message}`)
    this.cause = cause
  }
}

/** @returns the key @throws TypeError for what is none: one that is empty, or has a space or a line break */
export function requireKey(key: string): string {
  if (key === '' || key.includes(' ') || key.includes('\n')) {
    throw new TypeError(`no key of metadata: ${JSON.stringify(key)}`)
  }
  return key
}

/** @throws TypeError for a value that JSON cannot hold */
export function jsonOf(key: string, value: unknown): string {
  const json = JSON.stringify(value) as string | undefined
  if (json === undefined) throw new TypeError(`no JSON value for metadata key ${key}`)
  return json
}

/** Whoever uses a store after it was closed has this. */
export const closedError = (): Error => new Error('the metadata store is closed')

/**
 * Where vhosts, users, permissions, exchanges, queues, bindings, policies and parameters live: a sorted map from path-like
 * keys (`queue/<vhost>/<name>`, each part percent-encoded) to JSON values.
 */
export interface MetadataStore {
  /** Everything that is there, once, before the broker opens. */
  load(): Promise<Iterable<readonly [key: string, value: unknown]>>

  /** Adds a change to the open batch. The last change of a key in a batch wins. @throws TypeError for what is no key, or no JSON */
  put(key: string, value: unknown): void
  delete(key: string): void

  /** Whether changes wait in the open batch. */
  readonly dirty: boolean

  /**
   * Closes the open batch and writes it as one transaction; resolves when it is on disk. Batches are written in order; a
   * batch may be joined with later ones while an earlier is being written. Rejects when it could not be written: the
   * store is then unusable and the node must stop.
   */
  commit(): Promise<void>

  /** Commits what is open, and resolves when nothing waits any more; null when nothing does. */
  settled(): Promise<void> | null

  close(): Promise<void>
}
