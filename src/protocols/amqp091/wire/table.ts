/**
 * Field tables and arrays.
 *
 *     table: u32 length of what follows, then ( shortstr key, field )*
 *     array: u32 length of what follows, then field*
 *     field: type letter, then the value
 *
 * The letters are RabbitMQ's, which differ from the published specification:
 *
 *     S longstr   I int32    b int8    s int16    l int64, L is read the same   d f64   F table   t bool   x bytes
 *     V nothing   i uint32   B uint8   u uint16   T uint64, seconds             f f32   A array   D uint8 scale, uint32
 */
import type { Field, Table } from '../../../core/fields.ts'
import { MalformedValueError } from './errors.ts'
import type { Reader } from './reader.ts'
import { isUtf8Range, readUtf8 } from './text.ts'
import type { Writer } from './writer.ts'

/** Tables and arrays inside one another, the outermost counted; more is an attack on the stack. */
const DEPTH_MAX = 100

const TYPE = {
  longstr: 0x53, // S
  signedint: 0x49, // I
  unsignedint: 0x69, // i
  byte: 0x62, // b
  unsignedbyte: 0x42, // B
  short: 0x73, // s
  unsignedshort: 0x75, // u
  long: 0x6c, // l
  longAlias: 0x4c, // L
  double: 0x64, // d
  float: 0x66, // f
  bool: 0x74, // t
  decimal: 0x44, // D
  timestamp: 0x54, // T
  table: 0x46, // F
  array: 0x41, // A
  binary: 0x78, // x
  void: 0x56, // V
} as const

const VOID: Field = Object.freeze({ type: 'void', value: null })

/** Throws MalformedValueError. The values own their bytes: nothing in the table is a view of the reader's buffer. */
export function readTable(reader: Reader): Table {
  return readTableAt(reader, 1)
}

function readTableAt(reader: Reader, depth: number): Table {
  const outer = enterContainer(reader, depth)
  const table: Table = new Map()
  while (reader.offset < reader.end) {
    const key = reader.shortstr()
    table.set(key, readField(reader, depth))
  }
  reader.leave(outer)
  return table
}

function readArrayAt(reader: Reader, depth: number): Field[] {
  const outer = enterContainer(reader, depth)
  const items: Field[] = []
  while (reader.offset < reader.end) items.push(readField(reader, depth))
  reader.leave(outer)
  return items
}

function enterContainer(reader: Reader, depth: number): number {
  if (depth > DEPTH_MAX) throw tooDeep(reader.offset)
  return reader.enter(reader.u32())
}

function readField(reader: Reader, depth: number): Field {
  const at = reader.offset
  const type = reader.u8()
  switch (type) {
    case TYPE.longstr:
      return { type: 'longstr', value: readLongstr(reader) }
    case TYPE.signedint:
      return { type: 'signedint', value: reader.i32() }
    case TYPE.unsignedint:
      return { type: 'unsignedint', value: reader.u32() }
    case TYPE.byte:
      return { type: 'byte', value: reader.i8() }
    case TYPE.unsignedbyte:
      return { type: 'unsignedbyte', value: reader.u8() }
    case TYPE.short:
      return { type: 'short', value: reader.i16() }
    case TYPE.unsignedshort:
      return { type: 'unsignedshort', value: reader.u16() }
    case TYPE.long:
    case TYPE.longAlias:
      return { type: 'long', value: reader.i64() }
    case TYPE.double:
      return { type: 'double', value: reader.f64() }
    case TYPE.float:
      return { type: 'float', value: reader.f32() }
    case TYPE.bool:
      return { type: 'bool', value: reader.u8() !== 0 }
    case TYPE.decimal:
      return { type: 'decimal', value: { scale: reader.u8(), unscaled: reader.u32() } }
    case TYPE.timestamp:
      return { type: 'timestamp', value: reader.u64Exact() }
    case TYPE.table:
      return { type: 'table', value: readTableAt(reader, depth + 1) }
    case TYPE.array:
      return { type: 'array', value: readArrayAt(reader, depth + 1) }
    case TYPE.binary:
      return { type: 'binary', value: new Uint8Array(reader.longstr()) }
    case TYPE.void:
      return VOID
    default:
      throw unknownType(type, at)
  }
}

function readLongstr(reader: Reader): string | Uint8Array {
  const length = reader.u32()
  const at = reader.skip(length)
  return readUtf8(reader.buffer, at, at + length) ?? new Uint8Array(reader.buffer.subarray(at, at + length))
}

/** Throws RangeError for what the format cannot hold: keys over 255 bytes, numbers out of range, nesting too deep. */
export function writeTable(writer: Writer, table: Table): void {
  writeTableAt(writer, table, 1)
}

function writeTableAt(writer: Writer, table: Table, depth: number): void {
  const start = beginContainer(writer, depth)
  for (const [key, field] of table) {
    writer.shortstr(key)
    writeField(writer, field, depth)
  }
  writer.patchU32(start, writer.length - start - 4)
}

function writeArrayAt(writer: Writer, items: readonly Field[], depth: number): void {
  const start = beginContainer(writer, depth)
  for (const item of items) writeField(writer, item, depth)
  writer.patchU32(start, writer.length - start - 4)
}

function beginContainer(writer: Writer, depth: number): number {
  if (depth > DEPTH_MAX) throw new RangeError(`table is nested deeper than ${DEPTH_MAX} levels`)
  const start = writer.length
  writer.u32(0)
  return start
}

function writeField(writer: Writer, field: Field, depth: number): void {
  writer.u8(TYPE[field.type])
  switch (field.type) {
    case 'longstr':
    case 'binary':
      return writer.longstr(field.value)
    case 'signedint':
      return writer.i32(field.value)
    case 'unsignedint':
      return writer.u32(field.value)
    case 'byte':
      return writer.i8(field.value)
    case 'unsignedbyte':
      return writer.u8(field.value)
    case 'short':
      return writer.i16(field.value)
    case 'unsignedshort':
      return writer.u16(field.value)
    case 'long':
      return writer.i64(field.value)
    case 'double':
      return writer.f64(field.value)
    case 'float':
      return writer.f32(field.value)
    case 'bool':
      return writer.u8(field.value ? 1 : 0)
    case 'decimal':
      writer.u8(field.value.scale)
      return writer.u32(field.value.unscaled)
    case 'timestamp':
      return writer.u64(field.value)
    case 'table':
      return writeTableAt(writer, field.value, depth + 1)
    case 'array':
      return writeArrayAt(writer, field.value, depth + 1)
    case 'void':
      return
  }
}

/**
 * Walks the table at `at` without decoding or allocating, and returns where it ends. Throws MalformedValueError for
 * exactly the bytes for which `readTable` would: a table that passed here can be decoded at any later time.
 */
export function skipTable(buffer: Buffer, at: number, end: number): number {
  return skipContainer(buffer, at, end, 1, true)
}

/**
 * Whether the table in [at, at + length) has `name` (in bytes) among its keys, looking at the outermost level only.
 * Throws MalformedValueError where the walk meets bytes that `readTable` would refuse.
 */
export function hasKey(buffer: Buffer, at: number, length: number, name: Uint8Array): boolean {
  const end = containerEnd(buffer, at, at + length)
  let offset = at + 4
  while (offset < end) {
    const start = offset + 1
    offset = skipKey(buffer, offset, end)
    if (offset - start === name.length && startsWith(buffer, start, name)) return true
    offset = skipField(buffer, offset, end, 1)
  }
  return false
}

/**
 * The field of the key `name` (in bytes) in the table that the reader stands before, looking at the outermost level only; null where there is
 * none. As in `readTable`, the last one counts. For tables that `skipTable` has passed.
 */
export function readFieldOf(reader: Reader, name: Uint8Array): Field | null {
  const found = findField(reader.buffer, reader.offset, reader.end, name)
  if (found < 0) return null
  reader.reset(reader.buffer, found, reader.end)
  return readField(reader, 1)
}

/** As `readFieldOf`, for a field that is a text of bytes: where they begin, 4 bytes of length before them; -1 for any other. */
export function findTextOf(buffer: Buffer, start: number, end: number, name: Uint8Array): number {
  const found = findField(buffer, start, end, name)
  return found >= 0 && buffer[found] === TYPE.longstr ? found + 5 : -1
}

/** Where the type of the field is, or -1. */
function findField(buffer: Buffer, start: number, outer: number, name: Uint8Array): number {
  const end = containerEnd(buffer, start, outer)
  let found = -1
  for (let at = start + 4; at < end;) {
    const value = at + 1 + buffer[at]!
    if (buffer[at] === name.length && startsWith(buffer, at + 1, name)) found = value
    at = skipField(buffer, value, end, 1)
  }
  return found
}

function startsWith(buffer: Buffer, at: number, bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (buffer[at + i] !== bytes[i]) return false
  return true
}

function skipContainer(buffer: Buffer, at: number, outer: number, depth: number, keyed: boolean): number {
  if (depth > DEPTH_MAX) throw tooDeep(at)
  const end = containerEnd(buffer, at, outer)
  let offset = at + 4
  while (offset < end) {
    if (keyed) offset = skipKey(buffer, offset, end)
    offset = skipField(buffer, offset, end, depth)
  }
  return end
}

function skipKey(buffer: Buffer, at: number, end: number): number {
  const next = at + 1 + buffer[at]!
  if (next > end) throw overrun(at)
  if (!isUtf8Range(buffer, at + 1, next)) throw new MalformedValueError('Malformed UTF-8 in shortstr', at + 1)
  return next
}

function skipField(buffer: Buffer, at: number, end: number, depth: number): number {
  if (at >= end) throw overrun(at)
  const value = at + 1
  const next = fieldEnd(buffer, value, end, buffer[at]!, depth)
  if (next > end) throw overrun(at)
  return next
}

function fieldEnd(buffer: Buffer, value: number, end: number, type: number, depth: number): number {
  switch (type) {
    case TYPE.longstr:
    case TYPE.binary:
      return containerEnd(buffer, value, end)
    case TYPE.table:
      return skipContainer(buffer, value, end, depth + 1, true)
    case TYPE.array:
      return skipContainer(buffer, value, end, depth + 1, false)
    case TYPE.void:
      return value
    case TYPE.byte:
    case TYPE.unsignedbyte:
    case TYPE.bool:
      return value + 1
    case TYPE.short:
    case TYPE.unsignedshort:
      return value + 2
    case TYPE.signedint:
    case TYPE.unsignedint:
    case TYPE.float:
      return value + 4
    case TYPE.decimal:
      return value + 5
    case TYPE.long:
    case TYPE.longAlias:
    case TYPE.double:
    case TYPE.timestamp:
      return value + 8
    default:
      throw unknownType(type, value - 1)
  }
}

/** The end of what the u32 length at `at` announces. */
function containerEnd(buffer: Buffer, at: number, outer: number): number {
  if (outer - at < 4) throw overrun(at)
  const length = ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0
  const end = at + 4 + length
  if (end > outer) throw overrun(at)
  return end
}

const overrun = (at: number): MalformedValueError =>
  new MalformedValueError('length reaches past the end of its container', at)

const tooDeep = (at: number): MalformedValueError =>
  new MalformedValueError(`table is nested deeper than ${DEPTH_MAX} levels`, at)

const unknownType = (type: number, at: number): MalformedValueError =>
  new MalformedValueError(`unknown field type 0x${type.toString(16).padStart(2, '0')}`, at)
