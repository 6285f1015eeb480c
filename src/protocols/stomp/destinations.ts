import { cleanName } from '../../core/topology-rules.ts'
import { StompError } from './errors.ts'
import type { Frame } from './frame.ts'

/** Where a client sends to, or what it subscribes to. */
export type Destination =
  | { readonly type: 'queue' | 'topic' | 'amqqueue' | 'temp_queue' | 'reply_queue'; readonly name: string }
  /** An absent key is the empty one. */
  | { readonly type: 'exchange'; readonly name: string; readonly key: string }

const PREFIXES = '/temp-queue, /exchange, /topic, /queue, /amq/queue, /reply-queue/'
const NAME_BYTES_MAX = 255
const REPLY_QUEUE = '/reply-queue/'
const TYPES = { queue: 'queue', topic: 'topic', 'temp-queue': 'temp_queue' } as const

/** @throws StompError in RabbitMQ's words */
export function parseDestination(text: string): Destination {
  const parts = text.split('/')
  if (parts.length === 1) {
    return { type: 'queue', name: queueName(withSlashes(text)) }
  }
  const [root, type, ...rest] = parts
  if (root === '') {
    if (type === 'exchange') return exchangeOf(rest)
    if (type === 'queue' || type === 'topic' || type === 'temp-queue') return namedOf(TYPES[type], rest)
    if (type === 'amq' && rest[0] === 'queue') return namedOf('amqqueue', rest.slice(1))
    // the names of reply queues may have slashes
    if (text.startsWith(REPLY_QUEUE) && text.length > REPLY_QUEUE.length)
      return { type: 'reply_queue', name: queueName(text.slice(REPLY_QUEUE.length)) }
  }
  const detail = `'${text}' is not a valid destination.\nValid destination types are: ${PREFIXES}.\n`
  throw new StompError('Unknown destination', detail)
}

function exchangeOf(rest: readonly string[]): Destination {
  const [name, key] = rest
  if (name === undefined || name === '' || rest.length > 2) throw invalid('exchange', rest)
  return { type: 'exchange', name: nameFrom(name), key: nameFrom(key ?? '') }
}

function namedOf(type: Exclude<Destination['type'], 'exchange'>, rest: readonly string[]): Destination {
  if (rest.length !== 1 || rest[0] === '') throw invalid(type, rest)
  return { type, name: type === 'topic' ? nameFrom(rest[0]!) : queueName(withSlashes(rest[0]!)) }
}

const invalid = (type: string, rest: readonly string[]): StompError => {
  const content = rest.length === 0 ? '' : `/${rest.join('/')}`
  return new StompError('Invalid destination', `'${content}' is not a valid ${type} destination\n`)
}

/** Of exchanges and routing keys. */
const nameFrom = (text: string): string => shortName(withSlashes(text))

const withSlashes = (text: string): string => (text.includes('%2F') ? text.replaceAll('%2F', '/') : text)

/** Without the line ends, as it is declared: what is sent to the queue goes by its name. */
function queueName(text: string): string {
  const name = cleanName(shortName(text))
  if (name === '') throw new StompError('Invalid destination', 'Destination cannot be blank')
  return name
}

function shortName(name: string): string {
  if (Buffer.byteLength(name) > NAME_BYTES_MAX)
    throw new StompError('Invalid destination', `a name in it is longer than ${NAME_BYTES_MAX} bytes\n`)
  return name
}

/** Exchange and routing key of what is sent to a destination, or of what a subscription is bound to. */
export function routeOf(destination: Destination, topicExchange: string): { exchange: string; key: string } {
  if (destination.type === 'exchange') return { exchange: destination.name, key: destination.key }
  return { exchange: destination.type === 'topic' ? topicExchange : '', key: destination.name }
}

/** The destination of a message, made of where it was published to. */
export function formatDestination(exchange: string, key: string, topicExchange: string): string {
  if (exchange === '') return `/queue/${escapeName(key)}`
  if (exchange === topicExchange) return `/topic/${escapeName(key)}`
  const name = `/exchange/${escapeName(exchange)}`
  return key === '' ? name : `${name}/${escapeName(key)}`
}

const escapeName = (text: string): string => {
  if (!/[^ -$&-.0-~]/.test(text)) return text
  let escaped = ''
  for (const byte of Buffer.from(text, 'utf8')) {
    const plain = byte >= 32 && byte < 127 && byte !== 37 && byte !== 47
    escaped += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return escaped
}

/** Where a SEND goes to, or what a SUBSCRIBE is for. @throws StompError */
export function requiredDestination(frame: Frame): Destination {
  const { command } = frame
  const text = frame.get('destination')
  if (text === null) throw new StompError('Missing destination', `"${command}" must include a 'destination' header\n`)
  const destination = parseDestination(text)
  if (destination.type === 'temp_queue')
    throw new StompError('Invalid destination', `'${text}' is not a valid destination for '${command}'\n`)
  return destination
}
