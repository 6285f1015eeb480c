import * as fs from 'node:fs'
import { join } from 'node:path'

/**
 * The file operations of the stores, as few as they need, so that tests can put a faulty disk in their place. Names are relative
 * to one folder, with `/` as separator. Everything is asynchronous: no call blocks the event loop. Rejections are Node's errors,
 * with `code`.
 */
export interface StoreFiles {
  /**
   * `create` makes a new, empty file (and fails with EEXIST where there is one), `write` opens an existing one; both for reading too. With
   * `synchronous` each write resolves only when its bytes, and the file's length, are on disk.
   */
  open(name: string, mode: 'create' | 'write' | 'read', synchronous: boolean): Promise<StoreFile>
  /** The names of the files in a folder, without those of folders in it; empty where there is none. */
  list(folder: string): Promise<string[]>
  makeFolder(name: string): Promise<void>
  /** Replaces `to` if there is one. It is durable after `syncFolder`. */
  rename(from: string, to: string): Promise<void>
  /** No error where there is none. */
  remove(name: string): Promise<void>
  /** Makes creations, renames and removals in a folder durable. */
  syncFolder(name: string): Promise<void>
}

export interface StoreFile {
  /** Writes all buffers one behind the other from `position` on. A failed write may have written any part of it. */
  write(buffers: readonly Buffer[], position: number): Promise<void>
  /** @returns the bytes read: fewer than `length` only at the end of the file */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<number>
  /** What was written is on disk. */
  sync(): Promise<void>
  truncate(length: number): Promise<void>
  size(): Promise<number>
  close(): Promise<void>
}

/** More buffers than this are written in several calls: the limit of the system call. */
const VECTOR_MAX = 1024

const MODE_PRIVATE = 0o600

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL } = fs.constants
/** Not on every platform. */
const O_DSYNC = (fs.constants as Partial<typeof fs.constants>).O_DSYNC ?? 0

/** Real files below `folder`. */
export function nodeFiles(folder: string): StoreFiles {
  const at = (name: string): string => join(folder, name)
  return {
    async open(name, mode, synchronous) {
      const access = mode === 'read' ? O_RDONLY : mode === 'write' ? O_RDWR : O_RDWR | O_CREAT | O_EXCL
      const flags = synchronous ? access | O_DSYNC : access
      const fd = await done<number>((callback) => fs.open(at(name), flags, MODE_PRIVATE, callback))
      return new NodeFile(fd, synchronous && O_DSYNC === 0)
    },
    async list(name) {
      try {
        const entries = await fs.promises.readdir(at(name), { withFileTypes: true })
        return entries.filter((entry) => entry.isFile()).map((entry) => entry.name)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
        throw error
      }
    },
    async makeFolder(name) {
      await fs.promises.mkdir(at(name), { recursive: true })
    },
    rename: (from, to) => fs.promises.rename(at(from), at(to)),
    remove: (name) => fs.promises.rm(at(name), { force: true }),
    async syncFolder(name) {
      const handle = await fs.promises.open(at(name), 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    },
  }
}

/** Callbacks of `node:fs` as promises; `fs.promises` costs more for each call. */
const done = <T>(call: (callback: (error: Error | null, value: T) => void) => void): Promise<T> =>
  new Promise((resolve, reject) => {
    call((error, value) => (error === null || error === undefined ? resolve(value) : reject(error)))
  })

class NodeFile implements StoreFile {
  readonly #fd: number
  /** The platform has no O_DSYNC. */
  readonly #syncsItself: boolean

  constructor(fd: number, syncsItself: boolean) {
    this.#fd = fd
    this.#syncsItself = syncsItself
  }

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    for (let at = position, i = 0; i < buffers.length; i += VECTOR_MAX) {
      at += await this.#writeSome(buffers.slice(i, i + VECTOR_MAX), at)
    }
    if (this.#syncsItself) await this.sync()
  }

  async #writeSome(buffers: Buffer[], position: number): Promise<number> {
    const total = buffers.reduce((sum, buffer) => sum + buffer.length, 0)
    let rest = buffers
    for (let written = 0; ;) {
      const [only] = rest
      written +=
        rest.length === 1
          ? await done<number>((cb) => fs.write(this.#fd, only!, 0, only!.length, position + written, cb))
          : await done<number>((cb) => fs.writev(this.#fd, rest, position + written, cb))
      if (written === total) return total
      rest = [Buffer.concat(buffers).subarray(written)]
    }
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    for (let got = 0; ;) {
      const more = await done<number>((cb) => fs.read(this.#fd, buffer, offset + got, length - got, position + got, cb))
      got += more
      if (more === 0 || got === length) return got
    }
  }

  sync(): Promise<void> {
    return done<void>((callback) => fs.fdatasync(this.#fd, callback))
  }

  truncate(length: number): Promise<void> {
    return done<void>((callback) => fs.ftruncate(this.#fd, length, callback))
  }

  async size(): Promise<number> {
    const { size } = await done<fs.Stats>((callback) => fs.fstat(this.#fd, callback))
    return size
  }

  close(): Promise<void> {
    return done<void>((callback) => fs.close(this.#fd, callback))
  }
}
