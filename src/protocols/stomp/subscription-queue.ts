import { createHash, randomUUID } from 'node:crypto'
import { bool, type Field, long, longstr, signedint, type Table, timestamp } from '../../core/fields.ts'
import type { QueueDeclaration } from '../../core/topology.ts'
import type { Destination } from './destinations.ts'
import { invalidHeader } from './errors.ts'
import type { Frame } from './frame.ts'

// What the headers of SUBSCRIBE and SEND say of the queue behind a destination, and of the consumer.

const INTEGER_ARGUMENTS = [
  'x-message-ttl',
  'x-expires',
  'x-max-length',
  'x-max-length-bytes',
  'x-max-priority',
  'x-delivery-limit',
  'x-stream-max-segment-size-bytes',
  'x-stream-filter-size-bytes',
]
const TEXT_ARGUMENTS = [
  'x-dead-letter-exchange',
  'x-dead-letter-routing-key',
  'x-overflow',
  'x-queue-type',
  'x-max-age',
]
const FLAG_ARGUMENTS = ['x-single-active-consumer']

const NAME_BYTES_MAX = 255

/** @throws StompError */
function queueArguments(frame: Frame): Table {
  const found = new Map<string, Field>()
  for (const name of INTEGER_ARGUMENTS) {
    const value = frame.integer(name)
    if (value !== null) found.set(name, long(value))
  }
  for (const name of TEXT_ARGUMENTS) {
    const value = frame.get(name)
    if (value !== null) found.set(name, longstr(value))
  }
  for (const name of FLAG_ARGUMENTS) {
    const value = frame.flag(name)
    if (value !== null) found.set(name, bool(value))
  }
  return found
}

/** The queue of a `/queue` destination. @param durable what the frame says of that @throws StompError */
export function namedQueue(frame: Frame, name: string, durable: boolean | null): QueueDeclaration {
  const isDurable = durable ?? true
  return {
    name,
    passive: false,
    durable: isDurable,
    exclusive: frame.flag('exclusive') ?? !isDurable,
    autoDelete: frame.flag('auto-delete') ?? !isDurable,
    arguments: queueArguments(frame),
  }
}

/** The queue that is bound for a subscription to a topic or an exchange. @throws StompError */
export function boundQueue(frame: Frame, key: string): QueueDeclaration {
  return {
    name: boundQueueName(frame, key),
    passive: false,
    durable: frame.durable ?? false,
    exclusive: frame.flag('exclusive') ?? false,
    autoDelete: frame.flag('auto-delete') ?? true,
    arguments: queueArguments(frame),
  }
}

function boundQueueName(frame: Frame, key: string): string {
  const given = frame.get('x-queue-name')
  if (given !== null) {
    if (given === '' || Buffer.byteLength(given) > NAME_BYTES_MAX)
      throw invalidHeader(`'x-queue-name' must have 1 to ${NAME_BYTES_MAX} bytes\n`)
    return given
  }
  const id = frame.durable === true ? frame.get('id')! : randomUUID()
  return `stomp-subscription-${fingerprint(key, id)}`
}

/** As RabbitMQ makes it, so that its durable subscriptions go on here: of the Erlang term `{Key, Id}`, both lists of bytes. */
function fingerprint(key: string, id: string): string {
  const term = Buffer.concat([Buffer.of(131, 104, 2), erlangString(key), erlangString(id)])
  return createHash('md5').update(term).digest('base64url')
}

/** NIL_EXT or STRING_EXT of the external term format; a header is never longer than that can be. */
function erlangString(text: string): Buffer {
  const bytes = Buffer.from(text)
  return bytes.length === 0
    ? Buffer.of(106)
    : Buffer.concat([Buffer.of(107, bytes.length >>> 8, bytes.length & 0xff), bytes])
}

export const isBound = ({ type }: Destination): boolean => type === 'topic' || type === 'exchange'

/** @throws StompError */
export function consumerArguments(frame: Frame): Table {
  const found = new Map<string, Field>()
  const priority = frame.integer('x-priority')
  if (priority !== null) {
    if (priority !== Math.trunc(priority) || Math.abs(priority) > 0x7fff_ffff)
      throw invalidHeader(`'x-priority' must be an integer of 32 bits\n`)
    found.set('x-priority', signedint(priority))
  }
  const offset = frame.get('x-stream-offset')
  if (offset !== null) found.set('x-stream-offset', streamOffset(offset))
  const filter = frame.get('x-stream-filter')
  if (filter !== null) found.set('x-stream-filter', longstr(filter))
  const unfiltered = frame.flag('x-stream-match-unfiltered')
  if (unfiltered !== null) found.set('x-stream-match-unfiltered', bool(unfiltered))
  return found
}

/** `first`, `last`, `next`, `offset=N` or `timestamp=S`. */
function streamOffset(text: string): Field {
  const [, kind, digits] = /^(offset|timestamp)=(\d{1,15})$/.exec(text) ?? []
  if (kind !== undefined) return kind === 'offset' ? long(Number(digits)) : timestamp(Number(digits))
  if (['first', 'last', 'next'].includes(text)) return longstr(text)
  throw invalidHeader(`'x-stream-offset' must be first, last, next, offset=N or timestamp=S, and is '${text}'\n`)
}
