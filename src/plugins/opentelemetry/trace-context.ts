import type { Message, TextPlace } from '../../core/message.ts'

/** The span of a publisher, as a message's headers name it. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits. */
  readonly spanId: string
  /** `tracestate` as it is; '' for none. */
  readonly traceState: string
}

/*
 * The header `traceparent` (W3C Trace Context, https://www.w3.org/TR/trace-context/), by offset:
 *
 *     0   version, two digits; what follows is the same in versions to come, which may have more after it
 *     3   trace id, 32 digits
 *     36  parent id, 16 digits
 *     53  flags, two digits; the lowest bit is "sampled"
 */
const TRACEPARENT = Buffer.from('traceparent')
const TRACESTATE = Buffer.from('tracestate')
const LENGTH = 55
const FLAGS_END = 54
const PATTERN = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-[\da-f]{2}(-.*)?$/
/** What participants have to pass on at least; what is longer is left out of spans. */
const TRACESTATE_MAX = 512

const place: TextPlace = { offset: 0, length: 0 }

/**
 * The context of a message whose publisher recorded its span, else null. For other messages that costs a look at the header.
 * Nothing of the message is kept.
 */
export function sampledContext(message: Message): TraceContext | null {
  if (!message.headerText(TRACEPARENT, place)) return null
  const { offset, length } = place
  if (length < LENGTH || length > TRACESTATE_MAX) return null
  if (!isOdd(message.buffer[offset + FLAGS_END]!)) return null
  const matched = PATTERN.exec(message.buffer.toString('latin1', offset, offset + length))
  if (matched === null || (matched[1] === '00' && length > LENGTH)) return null
  return { traceId: matched[2]!, spanId: matched[3]!, traceState: traceStateOf(message) }
}

/** Whether the lowest bit of a hexadecimal digit is set. */
const isOdd = (digit: number): boolean => ((digit < 0x3a ? digit : digit - 0x57) & 1) === 1

function traceStateOf(message: Message): string {
  if (!message.headerText(TRACESTATE, place) || place.length > TRACESTATE_MAX) return ''
  const text = message.buffer.toString('latin1', place.offset, place.offset + place.length)
  return /^[\x20-\x7e]*$/.test(text) ? text : ''
}

const DIGITS = 13

/** Whether a trace is among a share of all: the same everywhere, since it depends on its id alone. @param ratio 0 to 1 */
export const isWithin = (ratio: number, traceId: string): boolean =>
  Number.parseInt(traceId.slice(-DIGITS), 16) / 16 ** DIGITS < ratio
