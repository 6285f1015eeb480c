import { erlangBinary } from '../../../util/erlang-term.ts'

const SHOWN_MAX = 16

/** How RabbitMQ's framing errors show a payload: `type 7, all octets = <<"abc">>`, or the first 16 of them. */
export function printPayload(type: number, buffer: Buffer, start: number, end: number): string {
  const all = end - start <= SHOWN_MAX
  const shown = buffer.subarray(start, Math.min(end, start + SHOWN_MAX))
  // bytes that are all printable show as text, as Erlang has it, to which tabs and line feeds are printable
  const text = shown.length > 0 && shown.every(isPrintable)
  const octets = shown.length === 0 ? '<<>>' : erlangBinary(text ? shown.toString('latin1') : shown)
  return `type ${type}, ${all ? 'all' : `first ${SHOWN_MAX}`} octets = ${octets}`
}

const isPrintable = (byte: number): boolean =>
  (byte >= 0x20 && byte < 0x7f) || (byte >= 0x08 && byte <= 0x0d) || byte === 0x1b

/** Bytes that show at the start of arguments which cannot be decoded: the text around them is cut at 255. */
const ARGUMENTS_SHOWN_MAX = 128

/** How RabbitMQ shows the arguments of a method that cannot be decoded. */
export const printArguments = (buffer: Buffer, start: number, end: number): string =>
  `cannot decode <<${[...buffer.subarray(start, Math.min(end, start + ARGUMENTS_SHOWN_MAX))].join(',')}>>`
