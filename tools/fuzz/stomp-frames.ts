/**
 * What a hostile or broken client of STOMP may send, from a seed: mostly sound frames about few names, so that they meet one another's
 * effects; some of them damaged, and some that are no more than octets.
 */
import { changedOctets, type Random } from './frames.ts'

const DESTINATIONS = ['/queue/a', '/queue/b', '/topic/t.x', '/topic/#', '/exchange/amq.direct/k', '/amq/queue/a', 'a', '/exchange/amq.fanout'] // prettier-ignore
const ODD_DESTINATIONS = ['', '/', '/queue', '/queue/', '/queue/a/b', '/foo/x', '/exchange', '/exchange//', '/exchange/nope/k', '/exchange/amq.rabbitmq.trace', '/temp-queue/x', '/reply-queue/', '/reply-queue/a', '/amq/queue/amq.rabbitmq.reply-to', '/queue/amq.gen-x', '/queue/%2F%2f', `/topic/${'x'.repeat(300)}`, '/queue/\\c\\n'] // prettier-ignore
const IDS = ['0', '1', '2']
const ODD_IDS = ['', '/temp-queue/x', '@@', 'x'.repeat(3000), '__proto__', 'a\\c']
const NAMES = ['tx1', 'tx2', 'tx3']
const FLAGS = ['true', 'false', 'TRUE', '']
const NUMBERS = ['0', '1', '10', '-1', '255', '65536', '9007199254740993', '1e9', 'x', '']
const BODIES = ['', 'x', '{"a":1}', '\n\n', 'SEND\n\n', 'x'.repeat(2000)]
const FLAG_HEADERS = ['durable', 'persistent', 'auto-delete', 'exclusive', 'requeue', 'x-single-active-consumer']
const NUMBER_HEADERS = ['prefetch-count', 'priority', 'timestamp', 'expiration', 'x-message-ttl', 'x-expires', 'x-max-length', 'x-max-priority', 'x-priority', 'content-length'] // prettier-ignore
const TEXT_HEADERS: Readonly<Record<string, readonly string[]>> = {
  ack: ['auto', 'client', 'client-individual', 'foo'],
  'reply-to': ['/temp-queue/x', '/temp-queue/', '/queue/b', 'amq.rabbitmq.reply-to', 'x'],
  'x-queue-name': ['named', '', 'amq.x', 'x'.repeat(256)],
  'x-queue-type': ['classic', 'quorum', 'stream', 'foo'],
  'x-overflow': ['drop-head', 'reject-publish', 'foo'],
  'x-dead-letter-exchange': ['amq.topic', 'nope', ''],
  'x-stream-offset': ['first', 'offset=1', 'timestamp=x'],
  'user-id': ['guest', 'other'],
  'correlation-id': ['c', 'x'.repeat(256)],
  'content-type': ['text/plain', '\\\\'],
  CC: ['a'],
  foo: ['bar', '\\n', '\\x', 'ü', '\xff'],
  'message-id': ['1'],
}

type Header = readonly [name: string, value: string]

const frame = (command: string, headers: readonly Header[], body = ''): Buffer =>
  Buffer.from(`${command}\n${headers.map(([name, value]) => `${name}:${value}\n`).join('')}\n${body}\0`, 'latin1')

function anyHeaders(random: Random): Header[] {
  const headers: Header[] = []
  while (random.once(2)) {
    const kind = random.below(3)
    if (kind === 0) headers.push([random.of(FLAG_HEADERS), random.of(FLAGS)])
    else if (kind === 1 && random.once(3)) headers.push([random.of(NUMBER_HEADERS), random.of(NUMBERS)])
    else {
      const name = random.of(Object.keys(TEXT_HEADERS))
      headers.push([name, random.of(TEXT_HEADERS[name]!)])
    }
  }
  if (random.once(4)) headers.push(['receipt', random.of(['r1', 'r2', ''])])
  return headers
}

const destination = (random: Random): Header => [
  'destination',
  random.of(random.once(8) ? ODD_DESTINATIONS : DESTINATIONS),
]
const id = (random: Random): Header => ['id', random.of(random.once(15) ? ODD_IDS : IDS)]
const inTransaction = (random: Random): Header[] => (random.once(4) ? [['transaction', random.of(NAMES)]] : [])
const sometimes = (random: Random, make: (random: Random) => Header[]): Header[] => (random.once(4) ? make(random) : [])

function connectFrame(random: Random, vhost: string): Buffer {
  const headers: Header[] = []
  if (!random.once(5)) headers.push(['accept-version', random.of(['1.2', '1.1', '1.0', '1.0,1.1,1.2', '3.0'])])
  if (random.once(2)) headers.push(['host', random.of([vhost, vhost, vhost, 'nope'])])
  if (random.once(2)) headers.push(['login', random.of(['guest', 'guest', 'nobody'])])
  if (random.once(3)) headers.push(['heart-beat', random.of(['0,0', '1000,1000', '0,1', 'x', '99999999999,1'])])
  return frame(random.of(['CONNECT', 'CONNECT', 'STOMP']), headers)
}

/** Ids that clients make up: none is right, since a part of it is at random. */
const ackFrame = (random: Random): Buffer =>
  frame(random.of(['ACK', 'NACK']), [
    [random.of(['id', 'message-id']), random.of(['x', `T_0@@session@@${random.below(5)}`, 'T_0@@', '@@@@1'])],
    ...inTransaction(random),
    ...sometimes(random, anyHeaders),
  ])

const FRAMES: readonly (readonly [weight: number, make: (random: Random) => Buffer])[] = [
  [40, (r) => frame('SEND', [destination(r), ...inTransaction(r), ...sometimes(r, anyHeaders)], r.of(BODIES))],
  [15, (r) => frame('SUBSCRIBE', [id(r), destination(r), ['ack', r.of(['auto', 'client', 'client-individual'])], ...sometimes(r, anyHeaders)])], // prettier-ignore
  [8, (r) => frame('UNSUBSCRIBE', [id(r), ...sometimes(r, anyHeaders)])],
  [10, ackFrame],
  [8, (r) => frame('BEGIN', [['transaction', r.of(NAMES)]])],
  [6, (r) => frame('COMMIT', [['transaction', r.of(NAMES)], ...sometimes(r, anyHeaders)])],
  [4, (r) => frame('ABORT', [['transaction', r.of(NAMES)]])],
  [3, () => Buffer.from('\n')],
  [2, (r) => frame(r.of(['FOO', 'send', 'CONNECTED', 'MESSAGE', '']), anyHeaders(r))],
]
const WEIGHTS = FRAMES.reduce((sum, [weight]) => sum + weight, 0)

function anyFrame(random: Random): Buffer {
  let at = random.below(WEIGHTS)
  for (const [weight, make] of FRAMES) {
    if (at < weight) return make(random)
    at -= weight
  }
  return Buffer.alloc(0)
}

/** All that one client sends. @param vhost that most enter */
export function stompSession(random: Random, vhost = '/'): Buffer[] {
  if (random.once(30)) return [random.bytes(1 + random.below(300))]
  // damage ends a connection, so some sessions have little of it, and some none
  const damageOnceIn = random.of([5, 40, 0])
  const frames = [connectFrame(random, vhost)]
  for (let left = random.below(60); left > 0; left--) {
    const next = anyFrame(random)
    frames.push(damageOnceIn > 0 && random.once(damageOnceIn) ? changedOctets(random, next) : next)
  }
  if (random.once(2)) frames.push(frame('DISCONNECT', anyHeaders(random)))
  return frames
}
