import { posix } from 'node:path'
import type { StoreFile, StoreFiles } from '../store/files.ts'

/**
 * Files as they are, with everything that is written to them in memory: a store that is opened on them finds what it would find, does
 * what it would do, and changes nothing.
 */
export function overlayFiles(base: StoreFiles): StoreFiles {
  /** What was made or written to; null for what was removed. */
  const own = new Map<string, MemoryFile | null>()

  /** The file in memory under this name, with the bytes of the real one if there is one. */
  const takeOver = async (name: string): Promise<MemoryFile> => {
    const known = own.get(name)
    if (known instanceof MemoryFile) return known
    if (known === null) throw errorOf('ENOENT', name)
    const file = new MemoryFile()
    const real = await base.open(name, 'read', false)
    try {
      const bytes = Buffer.allocUnsafeSlow(await real.size())
      const length = await real.read(bytes, 0, bytes.length, 0)
      await file.write([bytes.subarray(0, length)], 0)
    } finally {
      await real.close()
    }
    own.set(name, file)
    return file
  }

  const exists = async (name: string): Promise<boolean> => {
    if (own.has(name)) return own.get(name) !== null
    return (await base.list(posix.dirname(name))).includes(posix.basename(name))
  }

  return {
    async open(name, mode) {
      if (mode === 'create') {
        if (await exists(name)) throw errorOf('EEXIST', name)
        const file = new MemoryFile()
        own.set(name, file)
        return file
      }
      if (mode === 'write' || own.has(name)) return takeOver(name)
      return base.open(name, 'read', false)
    },
    async list(folder) {
      const names = new Set(await base.list(folder))
      for (const [name, file] of own) {
        if (posix.dirname(name) !== posix.join(folder, '.')) continue
        if (file === null) names.delete(posix.basename(name))
        else names.add(posix.basename(name))
      }
      return [...names]
    },
    async makeFolder() {},
    async rename(from, to) {
      own.set(to, await takeOver(from))
      own.set(from, null)
    },
    async remove(name) {
      own.set(name, null)
    },
    async syncFolder() {},
  }
}

const errorOf = (code: string, name: string): Error => Object.assign(new Error(`${code}: '${name}'`), { code })

class MemoryFile implements StoreFile {
  #bytes = Buffer.alloc(0)
  #length = 0

  async write(buffers: readonly Buffer[], position: number): Promise<void> {
    const end = buffers.reduce((at, { length }) => at + length, position)
    this.#reserve(end)
    for (let at = position, i = 0; i < buffers.length; at += buffers[i]!.length, i++) buffers[i]!.copy(this.#bytes, at)
    this.#length = Math.max(this.#length, end)
  }

  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    const end = Math.min(position + length, this.#length)
    return position < end ? this.#bytes.copy(buffer, offset, position, end) : 0
  }

  async sync(): Promise<void> {}

  async truncate(length: number): Promise<void> {
    this.#reserve(length)
    if (length < this.#length) this.#bytes.fill(0, length, this.#length)
    this.#length = length
  }

  async size(): Promise<number> {
    return this.#length
  }

  async close(): Promise<void> {}

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return
    const larger = Buffer.alloc(Math.max(length, this.#bytes.length * 2, 4096))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
