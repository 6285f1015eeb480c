/** Chooses one of 0 … below - 1. What is chosen with 0 is always the mildest: nothing of what is not durable is there. */
export type Choose = (below: number) => number

/** Mulberry32: small, seeded, the same everywhere. */
export function chooseBySeed(seed: number): Choose {
  let state = seed | 0
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), 1 | state)
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x
    return ((x ^ (x >>> 14)) >>> 0) % below
  }
}

export const SECTOR_BYTES = 512
const NOTHING = Buffer.alloc(SECTOR_BYTES)

interface Version<T> {
  readonly sequence: number
  readonly value: T
}

/**
 * The bytes of a file, as the system shows them and as the disk has them. For each sector that the two may not agree about there is
 * the list of its versions, the durable one first: which of them a power cut leaves is anybody's guess, sector by sector. The length
 * is one more thing of which there are versions.
 */
export class SimulatedInode {
  #bytes = Buffer.alloc(0)
  #length = 0
  readonly #sectors = new Map<number, Version<Buffer>[]>()
  #lengths: Version<number>[] = [{ sequence: 0, value: 0 }]
  /** A sync has failed: what was changed up to here the system takes for clean, and no later sync brings it to the disk. */
  #forgottenUpTo = -1

  get length(): number {
    return this.#length
  }

  /** As the system shows them. */
  bytes(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#length))
  }

  read(target: Buffer, offset: number, length: number, position: number): number {
    const end = Math.min(this.#length, position + length)
    return end <= position ? 0 : this.#bytes.copy(target, offset, position, end)
  }

  write(bytes: Buffer, position: number, sequence: number): void {
    if (bytes.length === 0) return
    const end = position + bytes.length
    this.#reserve(end)
    const first = Math.floor(position / SECTOR_BYTES)
    const last = Math.floor((end - 1) / SECTOR_BYTES)
    for (let i = first; i <= last; i++) this.#touch(i)
    bytes.copy(this.#bytes, position)
    // one copy for all sectors: a store puts megabytes of zeros ahead
    const written = Buffer.from(this.#bytes.subarray(first * SECTOR_BYTES, (last + 1) * SECTOR_BYTES))
    for (let i = first; i <= last; i++) {
      const at = (i - first) * SECTOR_BYTES
      this.#sectors.get(i)!.push({ sequence, value: written.subarray(at, at + SECTOR_BYTES) })
    }
    if (end > this.#length) this.#setLength(end, sequence)
  }

  truncate(length: number, sequence: number): void {
    this.#reserve(length)
    const last = Math.floor(Math.max(this.#length - 1, 0) / SECTOR_BYTES)
    for (let i = Math.floor(length / SECTOR_BYTES); i <= last && length < this.#length; i++) {
      this.#touch(i)
      this.#bytes.fill(0, Math.max(length, i * SECTOR_BYTES), (i + 1) * SECTOR_BYTES)
      this.#sectors.get(i)!.push({ sequence, value: this.#sector(i) })
    }
    this.#setLength(length, sequence)
  }

  /** What was changed up to `sequence` is on disk. */
  sync(sequence: number): void {
    for (const [index, versions] of this.#sectors) {
      this.#settle(versions, sequence)
      if (versions.length === 1) this.#sectors.delete(index)
    }
    this.#settle(this.#lengths, sequence)
  }

  /** The bytes of one write are on disk, with the whole sectors around them, and the length. */
  syncRange(position: number, length: number, sequence: number): void {
    for (let i = Math.floor(position / SECTOR_BYTES); i * SECTOR_BYTES < position + length; i++) {
      const versions = this.#sectors.get(i)
      if (versions === undefined) continue
      this.#settle(versions, sequence)
      if (versions.length === 1) this.#sectors.delete(i)
    }
    this.#settle(this.#lengths, sequence)
  }

  /** As Linux has it: an error is told once, and the pages that could not be written count as clean from then on. */
  failSync(sequence: number): void {
    this.#forgottenUpTo = Math.max(this.#forgottenUpTo, sequence)
  }

  /** Damages a bit wherever it is kept. */
  flip(offset: number, bit: number): void {
    if (offset >= this.#length) throw new RangeError(`${offset} is behind the end of the file, ${this.#length}`)
    const mask = 1 << bit
    this.#bytes[offset]! ^= mask
    const sector = Math.floor(offset / SECTOR_BYTES)
    const versions = this.#sectors.get(sector)
    if (versions === undefined) return
    const damaged = versions.map(({ sequence, value }) => {
      const copy = Buffer.from(value)
      copy[offset % SECTOR_BYTES]! ^= mask
      return { sequence, value: copy }
    })
    this.#sectors.set(sector, damaged)
  }

  copy(): SimulatedInode {
    const copy = new SimulatedInode()
    copy.#bytes = Buffer.from(this.#bytes)
    copy.#length = this.#length
    for (const [index, versions] of this.#sectors) copy.#sectors.set(index, [...versions])
    copy.#lengths = [...this.#lengths]
    copy.#forgottenUpTo = this.#forgottenUpTo
    return copy
  }

  /** What a power cut leaves: all of it durable. A sector that was never written, in a file that is long enough, reads as zeros. */
  afterPowerCut(choose: Choose): SimulatedInode {
    const left = new SimulatedInode()
    const { value: length } = this.#lengths[choose(this.#lengths.length)]!
    left.#bytes = Buffer.alloc(roundUp(length))
    this.#bytes.copy(left.#bytes, 0, 0, Math.min(this.#length, length))
    for (const [index, versions] of [...this.#sectors].sort(([a], [b]) => a - b)) {
      const { value } = versions[choose(versions.length)]!
      if (index * SECTOR_BYTES < length) value.copy(left.#bytes, index * SECTOR_BYTES)
    }
    left.#bytes.fill(0, length)
    left.#length = length
    left.#lengths = [{ sequence: 0, value: length }]
    return left
  }

  /** The newest version that the sync found and that is not forgotten becomes the durable one. */
  #settle<T>(versions: Version<T>[], sequence: number): void {
    for (let i = versions.length - 1; i > 0; i--) {
      if (versions[i]!.sequence > sequence) continue
      if (versions[i]!.sequence > this.#forgottenUpTo) versions.splice(0, i)
      return
    }
  }

  #setLength(length: number, sequence: number): void {
    this.#length = length
    this.#lengths.push({ sequence, value: length })
  }

  /** The version that is there before a change. */
  #touch(index: number): void {
    if (this.#sectors.has(index)) return
    const value = index * SECTOR_BYTES < this.#length ? this.#sector(index) : NOTHING
    this.#sectors.set(index, [{ sequence: 0, value }])
  }

  #sector(index: number): Buffer {
    return Buffer.from(this.#bytes.subarray(index * SECTOR_BYTES, (index + 1) * SECTOR_BYTES))
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return
    const larger = Buffer.alloc(roundUp(Math.max(length, this.#bytes.length * 2)))
    this.#bytes.copy(larger)
    this.#bytes = larger
  }
}

const roundUp = (length: number): number => Math.ceil(length / SECTOR_BYTES) * SECTOR_BYTES
