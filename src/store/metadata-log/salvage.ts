import { crc32 } from 'node:zlib'
import type { StoreFiles } from '../files.ts'
import {
  applyFrame,
  decodeHead,
  FRAME_HEAD_BYTES,
  frameAt,
  HEADER,
  headOf,
  isBlank,
  isWhole,
  nameOf,
  nextFrame,
  requireKnownFormat,
} from './format.ts'
import { CHANGED, type Damage, findFiles } from './replay.ts'

/** What was found at a damaged place. */
export interface DamagedPlace extends Damage {
  /** Bytes from the offset on; 0 where a file is missing, or its end. */
  readonly bytes: number
  /** It could be told what was written there, and counts. */
  readonly isMended: boolean
  /** Keys of what is taken as it is, although nothing says that it is what was written. */
  readonly taken: readonly string[]
  /** The beginnings of lines of which nothing can be made. */
  readonly lost: readonly string[]
}

export interface Salvaged {
  /** JSON by key. */
  readonly rows: Map<string, string>
  readonly places: readonly DamagedPlace[]
  /** The highest number of a file. */
  readonly highest: number
}

/** A line of a frame (format.ts): a key with its JSON, or a key that is gone. */
const LINE = /^(?:\+([!-~]+) (.+)|-([!-~]+))$/
const SHOWN_CHARACTERS = 80

/** The polynomial of CRC-32, lowest bit first. */
const POLYNOMIAL = 0xedb8_8320

/**
 * Reads the metadata past what is damaged, and changes nothing. A frame with one wrong bit is put right by its checksum; of one with more, the
 * lines that can be read are taken as they are.
 * @throws MetadataStoreError when a file is newer than this program
 */
export async function salvage(files: StoreFiles): Promise<Salvaged> {
  const { snapshot, logs, missing } = await findFiles(files)
  const contents = new Map<number, Buffer>()
  for (const number of logs) contents.set(number, await bytesOf(files, nameOf(number, 'log')))
  // the last one may have been made, and then not used after all
  const last = logs.findLast((number) => !isBlank(contents.get(number)!))
  const reader = new Reader()
  if (snapshot > 0) {
    const name = nameOf(snapshot, 'snapshot')
    if (!reader.read(name, await bytesOf(files, name), false)) reader.missing(name, 'its end is missing')
  }
  for (const number of missing) reader.missing(nameOf(number, 'log'), 'it is missing')
  for (const [number, bytes] of contents) {
    if (!isBlank(bytes)) reader.read(nameOf(number, 'log'), bytes, number === last)
  }
  return { rows: reader.rows, places: reader.places, highest: logs.at(-1) ?? snapshot }
}

async function bytesOf(files: StoreFiles, name: string): Promise<Buffer> {
  const file = await files.open(name, 'read', false)
  try {
    const bytes = Buffer.allocUnsafeSlow(await file.size())
    return bytes.subarray(0, await file.read(bytes, 0, bytes.length, 0))
  } finally {
    await file.close()
  }
}

class Reader {
  readonly rows = new Map<string, string>()
  readonly places: DamagedPlace[] = []

  missing(file: string, reason: string): void {
    this.places.push({ file, offset: 0, bytes: 0, reason, isMended: false, taken: [], lost: [] })
  }

  /**
   * @param mayBeTorn whether what its end has may be a write that was cut short, of which nobody was told
   * @returns whether its last frame says that it is the last
   * @throws MetadataStoreError when its format is newer than this program
   */
  read(name: string, bytes: Buffer, mayBeTorn: boolean): boolean {
    const header = bytes.subarray(0, HEADER.length)
    if (!header.equals(HEADER)) {
      requireKnownFormat(header, name)
      if (mayBeTorn && nextFrame(bytes, 0) < 0) return false
      const place = { file: name, offset: 0, bytes: header.length, reason: 'its header is damaged' }
      this.places.push({ ...place, isMended: true, taken: [], lost: [] })
    }
    let at = HEADER.length
    let isClosed = false
    while (!isBlank(bytes.subarray(at))) {
      const length = frameAt(bytes, at)
      if (length > 0) {
        isClosed = length === FRAME_HEAD_BYTES
        applyFrame(bytes.subarray(at + FRAME_HEAD_BYTES, at + length), this.rows)
        at += length
        continue
      }
      const next = nextFrame(bytes, at + 1)
      if (next < 0 && mayBeTorn) return isClosed
      const end = endOfDamaged(bytes, at, next)
      this.#damaged(name, bytes.subarray(at, end), at)
      at = end
    }
    return isClosed
  }

  #damaged(file: string, bytes: Buffer, offset: number): void {
    const place = { file, offset, bytes: bytes.length }
    const content = mended(bytes)
    if (content !== null) {
      applyFrame(content, this.rows)
      this.places.push({ ...place, reason: 'one bit is wrong', isMended: true, taken: [], lost: [] })
      return
    }
    const [taken, lost] = this.#takeLines(bytes.toString('utf8'))
    this.places.push({ ...place, reason: CHANGED, isMended: false, taken, lost })
  }

  /** @returns keys, and the beginnings of lines of which nothing can be made */
  #takeLines(text: string): [taken: string[], lost: string[]] {
    const taken: string[] = []
    const lost: string[] = []
    for (const line of text.split('\n')) {
      const [, put, json, gone] = LINE.exec(line) ?? []
      if (put !== undefined && isJson(json!)) {
        this.rows.set(put, json!)
        taken.push(put)
      } else if (gone !== undefined) {
        this.rows.delete(gone)
        taken.push(gone)
      } else if (line !== '' && !/^=[0-9a-f]{8} [0-9a-f]{8}$/.test(line)) lost.push(readable(line))
    }
    return [taken, lost]
  }
}

function lastByte(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === 0) end--
  return end
}

/** @param next where the next frame begins that is whole, or -1 @returns the same for one that begins where this one says that it ends */
function endOfDamaged(bytes: Buffer, at: number, next: number): number {
  const head = decodeHead(bytes.subarray(at, at + FRAME_HEAD_BYTES))
  const end = at + FRAME_HEAD_BYTES + (head?.bytes ?? 0)
  const isPlausible = head !== null && (next < 0 || end < next)
  if (isPlausible && decodeHead(bytes.subarray(end, end + FRAME_HEAD_BYTES)) !== null) return end
  return next < 0 ? lastByte(bytes) : next
}

/**
 * @param frame with everything up to the next one that is whole
 * @returns its content, where one bit of all that is wrong; or null
 */
function mended(frame: Buffer): Buffer | null {
  const content = Buffer.from(frame.subarray(FRAME_HEAD_BYTES))
  const head = frame.toString('latin1', 0, FRAME_HEAD_BYTES)
  // a wrong bit in the head: the content says what it should be
  if (bitsApart(head, headOf(content)) <= 1) return content
  const said = decodeHead(frame)
  if (said === null || said.bytes !== content.length) return null
  const bit = wrongBit(crc32(content) ^ said.checksum, content.length * 8)
  if (bit < 0) return null
  content[bit >>> 3]! ^= 1 << (bit & 7)
  return isWhole(content, said) ? content : null
}

function bitsApart(a: string, b: string): number {
  let bits = Math.abs(a.length - b.length) * 8
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    for (let rest = a.charCodeAt(i) ^ b.charCodeAt(i); rest !== 0; rest >>>= 1) bits += rest & 1
  }
  return bits
}

/**
 * A wrong bit changes the checksum by what depends on its distance from the end only.
 * @param change of the checksum @returns the number of the bit, lowest first in each byte; -1 when it is not one bit
 */
function wrongBit(change: number, bits: number): number {
  let syndrome = POLYNOMIAL
  for (let bit = bits - 1; bit >= 0; bit--) {
    if (syndrome >>> 0 === change >>> 0) return bit
    syndrome = syndrome & 1 ? (syndrome >>> 1) ^ POLYNOMIAL : syndrome >>> 1
  }
  return -1
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Bytes that are no text may come to somebody's terminal. */
const readable = (line: string): string => line.slice(0, SHOWN_CHARACTERS).replaceAll(/[^ -~]/g, '?')
