import { erlangBinary } from '../../../util/erlang-term.ts'

const SHOWN_MAX = 16

/** How RabbitMQ's framing errors show a payload: `type 7, all octets = <<"abc">>`, or the first 16 of them. */
export function printPayload(type: number, buffer: Buffer, start: number, end: number): string {
  const all = end - start <= SHOWN_MAX
  const shown = buffer.subarray(start, Math.min(end, start + SHOWN_MAX))
  // bytes that are all printable show as text, as Erlang has it
  const text = shown.length > 0 && shown.every((byte) => byte >= 0x20 && byte < 0x7f)
  const octets = shown.length === 0 ? '<<>>' : erlangBinary(text ? shown.toString('latin1') : shown)
  return `type ${type}, ${all ? 'all' : `first ${SHOWN_MAX}`} octets = ${octets}`
}
