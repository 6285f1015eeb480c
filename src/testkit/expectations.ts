import { isDeepStrictEqual } from 'node:util'
import { expirationText, type MessageProperties, type ReceivedMessage, secondsOf } from './message.ts'
import type { PlainTable } from './values.ts'

/** What a message has to be like. Only what is given is looked at; of headers and properties only those that are named. */
export interface ExpectedMessage {
  /** Text or a pattern for it, bytes, or the value that the JSON body stands for. */
  readonly body?: string | RegExp | Uint8Array | object
  readonly headers?: PlainTable
  readonly properties?: Omit<MessageProperties, 'headers'>
  readonly exchange?: string
  readonly routingKey?: string
  readonly redelivered?: boolean
}

/** A message and what was expected of it, side by side: the same fields, so that a diff shows what differs and nothing else. */
export interface Comparison {
  readonly matches: boolean
  /** Fields that differ. */
  readonly differences: number
  readonly actual: PlainTable
  readonly expected: PlainTable
}

export function compare(message: ReceivedMessage, expected: ExpectedMessage): Comparison {
  const { body, headers, properties, ...facts } = expected
  const sides: [actual: PlainTable, expected: PlainTable][] = [[pick(message, facts), facts]]
  if (headers !== undefined) sides.push(nested('headers', pick(message.headers, headers), headers))
  if (properties !== undefined) {
    sides.push(nested('properties', pick(message.properties, properties), comparableProperties(properties)))
  }
  if (body !== undefined) sides.push([{ body: comparableBody(message, body) }, { body }])
  const [actualSide, expectedSide] = [0, 1].map((side) => Object.assign({}, ...sides.map((pair) => pair[side])))
  const differences = countDifferences(actualSide, expectedSide)
  return { matches: differences === 0, differences, actual: actualSide, expected: expectedSide }
}

const nested = (name: string, actual: PlainTable, expected: PlainTable): [PlainTable, PlainTable] => [
  { [name]: actual },
  { [name]: expected },
]

/** The fields of `from` that `wanted` names; those that it does not have are left out. */
function pick(from: object, wanted: object): PlainTable {
  const all = from as PlainTable
  return Object.fromEntries(
    Object.keys(wanted)
      .filter((key) => all[key] !== undefined)
      .map((key) => [key, all[key]]),
  )
}

/** In the form in which a received message has them. */
function comparableProperties({ expiration, timestamp, ...rest }: Omit<MessageProperties, 'headers'>): PlainTable {
  return {
    ...rest,
    ...(expiration === undefined ? {} : { expiration: expirationText(expiration) }),
    ...(timestamp === undefined ? {} : { timestamp: secondsOf(timestamp) }),
  }
}

/** The body in the form in which it is expected; a pattern that matches stands for itself. */
function comparableBody(message: ReceivedMessage, expected: string | RegExp | Uint8Array | object): unknown {
  if (expected instanceof RegExp) return message.text().search(expected) >= 0 ? expected : message.text()
  if (typeof expected === 'string') return message.text()
  if (expected instanceof Uint8Array) return Buffer.isBuffer(expected) ? message.body : new Uint8Array(message.body)
  try {
    return message.json()
  } catch {
    return message.text()
  }
}

function countDifferences(actual: PlainTable, expected: PlainTable): number {
  let count = 0
  for (const [key, value] of Object.entries(expected)) {
    if (key === 'headers' || key === 'properties') {
      count += countDifferences(actual[key] as PlainTable, value as PlainTable)
    } else if (!isDeepStrictEqual(actual[key], value)) count++
  }
  return count
}

const SHOWN_MESSAGES_MAX = 10
const SHOWN_BODY_MAX = 80

/** What was there instead, for the text of a failure. */
export function describeMessages(messages: readonly ReceivedMessage[]): string {
  const lines = messages.slice(0, SHOWN_MESSAGES_MAX).map((message, i) => `  ${i + 1}. ${describeMessage(message)}`)
  const more = messages.length - lines.length
  return [...lines, ...(more > 0 ? [`  … and ${more} more`] : [])].join('\n')
}

function describeMessage({ exchange, routingKey, body, headers, redelivered }: ReceivedMessage): string {
  const text = body.toString()
  const shown = text.length > SHOWN_BODY_MAX ? `${text.slice(0, SHOWN_BODY_MAX)}… (${body.length} bytes)` : text
  const source = exchange === '' ? 'the default exchange' : `exchange '${exchange}'`
  const more = Object.keys(headers).length > 0 ? `, headers ${JSON.stringify(headers)}` : ''
  return `${JSON.stringify(shown)} from ${source} by '${routingKey}'${redelivered ? ', redelivered' : ''}${more}`
}
