import type { Channel } from 'amqplib'
import type { Colour } from './content.ts'
import type { QueueFacts } from './ledger.ts'

/** Queues that the crash harness uses, of all kinds, and the ways into them. */

interface QueueKind extends QueueFacts {
  readonly arguments: Readonly<Record<string, unknown>>
}

const DEATH_EXCHANGE = 'by-death'
/** Small enough that the queue is full now and then. */
const CAREFUL_MAX_LENGTH = 2000
const CLASSIC = { type: 'classic', maxPriority: 0, durable: true, arguments: {} } as const
// returns are what the harness does most: no limit on them
const QUORUM = {
  ...CLASSIC,
  type: 'quorum',
  arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': -1 },
} as const

export const KINDS: readonly QueueKind[] = [
  { ...CLASSIC, name: 'plain' },
  { ...CLASSIC, name: 'priority', maxPriority: 5, arguments: { 'x-max-priority': 5 } },
  { ...QUORUM, name: 'quorum' },
  { ...CLASSIC, name: 'lazy', arguments: { 'x-queue-mode': 'lazy' } },
  { ...CLASSIC, name: 'single', arguments: { 'x-single-active-consumer': true } },
  {
    ...CLASSIC,
    name: 'rejecting',
    dead: { queue: 'dead', atLeastOnce: false },
    arguments: { 'x-dead-letter-exchange': DEATH_EXCHANGE, 'x-dead-letter-routing-key': 'dead' },
  },
  { ...CLASSIC, name: 'dead' },
  {
    ...QUORUM,
    name: 'careful',
    dead: { queue: 'careful-dead', atLeastOnce: true },
    arguments: {
      ...QUORUM.arguments,
      'x-dead-letter-exchange': DEATH_EXCHANGE,
      'x-dead-letter-routing-key': 'careful-dead',
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
      'x-max-length': CAREFUL_MAX_LENGTH,
    },
  },
  { ...QUORUM, name: 'careful-dead' },
  { ...CLASSIC, name: 'fan-classic' },
  { ...QUORUM, name: 'fan-quorum' },
  { ...CLASSIC, name: 'fan-lazy', arguments: { 'x-queue-mode': 'lazy' } },
  { ...CLASSIC, name: 'quiet' },
  { ...CLASSIC, name: 'passing', durable: false },
  { ...CLASSIC, name: 'barrier' },
]

/** Never consumed from by the load: what is in there was never delivered. */
export const QUIET = 'quiet'
export const PASSING = 'passing'
export const BARRIER = 'barrier'
/** Queues whose messages may be published one at a time by name. */
export const ADDRESSED = ['plain', 'priority', 'quorum', 'lazy', 'single', 'rejecting', 'careful'] as const

const FANNED = ['fan-classic', 'fan-quorum', 'fan-lazy', QUIET, PASSING]
const PAIR = ['plain', 'quorum']

export interface Route {
  readonly exchange: string
  readonly key: string
}

export const ROUTES: readonly Route[] = [
  ...ADDRESSED.map((key) => ({ exchange: 'by-direct', key })),
  { exchange: 'by-direct', key: 'pair' },
  ...['a.b', 'a.c', 'c.b'].map((key) => ({ exchange: 'by-topic', key })),
  { exchange: 'by-fanout', key: '' },
  { exchange: 'by-headers', key: 'whatever' },
  ...ADDRESSED.map((key) => ({ exchange: '', key })),
]

const BY_TOPIC: Readonly<Record<string, readonly string[]>> = {
  'a.b': ['lazy', 'single', 'plain'],
  'a.c': ['lazy', 'single'],
  'c.b': ['plain'],
}
const BY_COLOUR: Readonly<Record<Colour, readonly string[]>> = {
  red: ['priority', 'rejecting'],
  green: ['rejecting'],
  blue: ['lazy'],
}

/** The queues that a message goes to. */
export function queuesOf({ exchange, key }: Route, colour: Colour): readonly string[] {
  switch (exchange) {
    case 'by-direct':
      return key === 'pair' ? PAIR : [key]
    case 'by-topic':
      return BY_TOPIC[key]!
    case 'by-fanout':
      return FANNED
    case 'by-headers':
      return BY_COLOUR[colour]
    default:
      return [key]
  }
}

/** Declares all of it, or finds it as it was. */
export async function declareTopology(channel: Channel): Promise<void> {
  for (const [name, type] of [
    ['by-direct', 'direct'],
    ['by-topic', 'topic'],
    ['by-fanout', 'fanout'],
    ['by-headers', 'headers'],
    [DEATH_EXCHANGE, 'direct'],
  ] as const) {
    await channel.assertExchange(name, type, { durable: true })
  }
  for (const { name, durable, arguments: args } of KINDS) await channel.assertQueue(name, { durable, arguments: args })
  for (const name of ADDRESSED) await channel.bindQueue(name, 'by-direct', name)
  for (const name of PAIR) await channel.bindQueue(name, 'by-direct', 'pair')
  for (const [queue, key] of [
    ['lazy', 'a.#'],
    ['single', 'a.*'],
    ['plain', '*.b'],
  ] as const) {
    await channel.bindQueue(queue, 'by-topic', key)
  }
  for (const name of FANNED) await channel.bindQueue(name, 'by-fanout', '')
  await channel.bindQueue('priority', 'by-headers', '', { 'x-match': 'all', colour: 'red' })
  await channel.bindQueue('rejecting', 'by-headers', '', { 'x-match': 'any', colour: 'red', also: 1 })
  await channel.bindQueue('rejecting', 'by-headers', '', { 'x-match': 'all', colour: 'green' })
  await channel.bindQueue('lazy', 'by-headers', '', { 'x-match': 'any', colour: 'blue', also: 2 })
  for (const { dead } of KINDS) if (dead !== undefined) await channel.bindQueue(dead.queue, DEATH_EXCHANGE, dead.queue)
}
