/**
 * The files of the metadata, in the folder `metadata` of a data directory. They are text, for whoever has to look at them.
 *
 *     00000003.snapshot     what there was when log 3 began
 *     00000003.log          what has changed since; then 00000004.log, and so on: the last one is written to
 *     00000004.snapshot.new a snapshot that is being written, or was when the process ended
 *
 * A file begins with the line `WARREN METADATA 1`, whose number is the version of this format. Frames follow, one behind the other:
 *
 *     =<bytes> <CRC-32>\n   eight hexadecimal digits each: of what follows up to the next frame, in UTF-8
 *     +<key> <JSON>\n       the key has this value; keys have neither spaces nor line breaks
 *     -<key>\n              the key is gone
 *
 * A frame is there as a whole or not at all. One without content is the end of a snapshot, or of a log whose store was closed: what comes
 * before it was all there once. A log may have zeros behind its last frame, or part of a frame that was being written.
 */
import { posix } from 'node:path'
import { crc32 } from 'node:zlib'
import { MetadataStoreError } from '../metadata-store.ts'
import type { StoreFile } from '../files.ts'
import { newerFormatText } from '../newer-format.ts'

export const FOLDER = 'metadata'
/** What the name of a snapshot has behind it until it is whole. */
export const UNFINISHED = '.new'
const VERSION = 1
export const HEADER = Buffer.from(`WARREN METADATA ${VERSION}\n`, 'latin1')
export const END_FRAME = Buffer.from('=00000000 00000000\n', 'latin1')

const NUMBER_DIGITS = 8
const FRAME_HEAD = /^=([0-9a-f]{8}) ([0-9a-f]{8})\n/
export const FRAME_HEAD_BYTES = 19
const WINDOW_BYTES = 256 * 1024

const [LINE_BREAK, EQUALS, PLUS] = [0x0a, 0x3d, 0x2b]

/** Of a key: its JSON, or null where it goes. */
export type Change = readonly [key: string, json: string | null]

export type FileKind = 'log' | 'snapshot'

export const nameOf = (number: number, kind: FileKind): string =>
  posix.join(FOLDER, `${String(number).padStart(NUMBER_DIGITS, '0')}.${kind}`)

/** @returns null for a name that is none of a log or of a snapshot */
export function parseName(name: string): { readonly number: number; readonly kind: FileKind } | null {
  const [, number, kind] = /^(\d{8,})\.(log|snapshot)$/.exec(name) ?? []
  return number === undefined ? null : { number: Number(number), kind: kind as FileKind }
}

export const encodeLine = ([key, json]: Change): string => (json === null ? `-${key}\n` : `+${key} ${json}\n`)

/** @param lines of `encodeLine`, one behind the other */
export function encodeFrame(lines: string): Buffer {
  const bytes = Buffer.byteLength(lines)
  const frame = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES + bytes)
  frame.write(lines, FRAME_HEAD_BYTES)
  frame.write(headOf(frame.subarray(FRAME_HEAD_BYTES)), 0, 'latin1')
  return frame
}

/** The head of the frame that has this content. */
export function headOf(content: Buffer): string {
  const hex = (value: number): string => value.toString(16).padStart(8, '0')
  return `=${hex(content.length)} ${hex(crc32(content))}\n`
}

/** What the head of a frame says of its content. */
export interface FrameHead {
  readonly bytes: number
  readonly checksum: number
}

export function decodeHead(bytes: Buffer): FrameHead | null {
  const [, length, checksum] = FRAME_HEAD.exec(bytes.toString('latin1', 0, FRAME_HEAD_BYTES)) ?? []
  return length === undefined ? null : { bytes: Number.parseInt(length, 16), checksum: Number.parseInt(checksum!, 16) }
}

export const isWhole = (content: Buffer, { bytes, checksum }: FrameHead): boolean =>
  content.length === bytes && crc32(content) === checksum

/** @returns bytes of the frame that is whole at `at`, or 0 */
export function frameAt(bytes: Buffer, at: number): number {
  const head = decodeHead(bytes.subarray(at, at + FRAME_HEAD_BYTES))
  if (head === null) return 0
  const end = at + FRAME_HEAD_BYTES + head.bytes
  return isWhole(bytes.subarray(at + FRAME_HEAD_BYTES, end), head) ? end - at : 0
}

/** @returns where the first frame from `from` on begins that is whole, or -1 */
export function nextFrame(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(EQUALS, from); at >= 0; at = bytes.indexOf(EQUALS, at + 1)) {
    if (frameAt(bytes, at) > 0) return at
  }
  return -1
}

/** Whether there is nothing but zeros. */
export const isBlank = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0)

/** Does what a frame says. */
export function applyFrame(content: Buffer, rows: Map<string, string>): void {
  for (let at = 0; at < content.length;) {
    const end = content.indexOf(LINE_BREAK, at)
    const line = content.toString('utf8', at + 1, end)
    if (content[at] === PLUS) {
      const space = line.indexOf(' ')
      rows.set(line.slice(0, space), line.slice(space + 1))
    } else rows.delete(line)
    at = end + 1
  }
}

/** What is behind the last whole frame of a file. */
export interface FileEnd {
  /** Offset of the first byte that is no part of a whole frame. */
  readonly at: number
  readonly size: number
  /** Nothing or zeros; part of a frame that was being written; or something else, before a frame that is whole again. */
  readonly state: 'clean' | 'torn' | 'damaged'
  /** The last frame said that it is the last. */
  readonly isClosed: boolean
}

/**
 * Reads a file frame by frame.
 * @throws MetadataStoreError when its format is newer than this program
 */
export async function readFrames(file: StoreFile, name: string, take: (content: Buffer) => void): Promise<FileEnd> {
  const size = await file.size()
  const reader = new WindowReader(file, size)
  const header = await reader.look(0, HEADER.length)
  if (!header.equals(HEADER)) {
    requireKnownFormat(header, name)
    return { at: 0, size, state: await stateOf(reader, 0), isClosed: false }
  }
  let at = HEADER.length
  for (let isClosed = false; ;) {
    const head = decodeHead(await reader.look(at, FRAME_HEAD_BYTES))
    const content = head === null ? null : await reader.look(at + FRAME_HEAD_BYTES, head.bytes)
    if (head === null || content === null || !isWhole(content, head)) {
      return { at, size, state: await stateOf(reader, at), isClosed }
    }
    isClosed = content.length === 0
    if (!isClosed) take(content)
    at += FRAME_HEAD_BYTES + content.length
  }
}

/** @throws MetadataStoreError when a file that begins like this is newer than this program */
export function requireKnownFormat(header: Buffer, name: string): void {
  const [, version] = /^WARREN METADATA (\d{1,4})\n?$/.exec(header.toString('latin1')) ?? []
  if (version === undefined || Number(version) <= VERSION) return
  throw new MetadataStoreError(newerFormatText(name, Number(version), VERSION))
}

/** What the rest of a file is that does not begin with a whole frame. */
async function stateOf(reader: WindowReader, from: number): Promise<FileEnd['state']> {
  const rest = await reader.look(from, reader.size - from)
  if (isBlank(rest)) return 'clean'
  return nextFrame(rest, 0) >= 0 ? 'damaged' : 'torn'
}

/** Reads much at a time where little is asked for. */
class WindowReader {
  readonly size: number
  readonly #file: StoreFile
  #window: Buffer = Buffer.alloc(0)
  #from = 0

  constructor(file: StoreFile, size: number) {
    this.#file = file
    this.size = size
  }

  /** @returns fewer bytes only at the end of the file; good until the next call */
  async look(at: number, bytes: number): Promise<Buffer> {
    const end = Math.min(at + bytes, this.size)
    if (at < this.#from || end > this.#from + this.#window.length) {
      const length = Math.min(Math.max(end - at, WINDOW_BYTES), this.size - at)
      const window = Buffer.allocUnsafeSlow(length)
      this.#window = window.subarray(0, await this.#file.read(window, 0, length, at))
      this.#from = at
    }
    return this.#window.subarray(at - this.#from, end - this.#from)
  }
}
