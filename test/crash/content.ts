import { createHash } from 'node:crypto'
import type { MessagePropertyHeaders } from 'amqplib'
import { Random } from '../../tools/fuzz/frames.ts'
import type { MessageFacts } from './copy.ts'
import type { Delivery } from './ledger.ts'

/*
 * Everything about a message follows from its id: body, size, properties and headers. So whoever gets one knows what it has to look like,
 * whichever run published it, and a body that is torn, mixed up or stale is found out without a checksum.
 */

/** By names that all client libraries understand. */
interface Properties {
  readonly contentType: string
  readonly headers: Record<string, unknown>
  readonly deliveryMode: number
  readonly messageId: string
  readonly priority?: number
  readonly correlationId?: string
  readonly replyTo?: string
  readonly type?: string
  readonly appId?: string
  readonly timestamp?: number
  readonly contentEncoding?: string
}

export interface Outgoing {
  readonly facts: MessageFacts
  readonly options: Properties
  readonly body: Buffer
}

const COLOURS = ['red', 'green', 'blue'] as const
export type Colour = (typeof COLOURS)[number]

export interface Wishes {
  readonly persistent?: boolean
  /** Whether messages have that property. */
  readonly priorities?: boolean
  /** For the other client library, whose calls overtake each other, that always stamps the time and knows no octets in headers. */
  readonly other?: boolean
}

export function compose(publisher: string, number: number, wishes: Wishes = {}): Outgoing {
  const { persistent = true, priorities = false, other = false } = wishes
  const marks = `${persistent ? 'd' : 't'}${priorities ? 'p' : ''}${other ? 'o' : ''}`
  return contentOf(`${publisher}#${number}${marks}`)
}

const ID = /^(.+)#(\d+)([dt])(p?)(o?)$/

function contentOf(id: string): Outgoing {
  const [, publisher, digits, mark, priorities, other] = ID.exec(id)!
  const number = other === '' ? Number(digits) : -1
  const digest = createHash('sha1').update(id).digest()
  const random = new Random(digest.readInt32BE(0))
  const persistent = mark === 'd'
  const priority = priorities === '' ? null : random.below(8)
  const body = bodyOf(id, sizeOf(random))
  const options = {
    contentType: 'application/x-crash',
    headers: headersOf(random, other === ''),
    deliveryMode: persistent ? 2 : 1,
    messageId: id,
    ...(priority === null ? {} : { priority }),
    ...(random.once(2) ? { correlationId: `c-${random.below(1000)}` } : {}),
    ...(random.once(3) ? { replyTo: 'nobody', type: 'crash', appId: 'ä¶😀' } : {}),
    ...(random.once(3) ? { contentEncoding: 'none' } : {}),
    ...(random.once(3) || other !== '' ? { timestamp: 1_600_000_000 + random.below(100_000_000) } : {}),
  }
  return { facts: { id, publisher: publisher!, number, persistent, priority }, options, body }
}

/** Mostly small; one in 150 is up to 300 KB. */
function sizeOf(random: Random): number {
  if (random.once(12)) return 0
  if (random.once(150)) return random.below(300_000)
  return random.once(10) ? random.below(9000) : random.below(200)
}

const bodyOf = (id: string, length: number): Buffer =>
  length === 0 ? Buffer.alloc(0) : createHash('shake256', { outputLength: length }).update(id).digest()

function headersOf(random: Random, octets: boolean): Record<string, unknown> {
  const headers: Record<string, unknown> = { colour: random.of(COLOURS) }
  if (random.once(3)) headers['n'] = [random.below(100), -random.below(100_000), 1.5, null, true]
  if (random.once(4)) headers['nested'] = { a: { b: [{ c: 'd' }] } }
  if (random.once(4) && octets) headers['octets'] = random.bytes(8)
  if (random.once(5)) headers['at'] = { '!': 'timestamp', value: random.below(0x7fff_ffff) }
  if (random.once(5)) headers['price'] = { '!': 'decimal', value: { places: 2, digits: random.below(10_000) } }
  if (random.once(30)) headers['long'] = 'x'.repeat(random.below(5000))
  return headers
}

export const colourOf = (outgoing: Outgoing): Colour => outgoing.options.headers['colour'] as Colour

/** What clients hand out, of whichever library. */
export interface Received {
  readonly body: Buffer
  readonly redelivered: boolean
  readonly properties: Readonly<Record<string, unknown>>
}

const ADDED = /^(x-delivery-count|x-acquired-count|x-death|x-(first|last)-death-(queue|reason|exchange))$/
const COMPARED = [
  'contentType',
  'contentEncoding',
  'headers',
  'deliveryMode',
  'priority',
  'correlationId',
  'replyTo',
  'expiration',
  'messageId',
  'timestamp',
  'type',
  'userId',
  'appId',
] as const

/** Properties in a fixed order, headers in the order that they came in, without those that a broker adds. */
function fingerprint(properties: Readonly<Record<string, unknown>>): string {
  const headers = (properties['headers'] ?? {}) as Record<string, unknown>
  const own = Object.entries(headers).filter(([key]) => !ADDED.test(key))
  return JSON.stringify(COMPARED.map((name) => (name === 'headers' ? own : (properties[name] ?? null))))
}

/** Compares what came with what it has to be. @param exact without it, properties are not looked at */
export function inspect(received: Received, exact = true): Delivery {
  const { properties, redelivered } = received
  const id = String(properties['messageId'])
  const headers = (properties['headers'] ?? {}) as MessagePropertyHeaders
  return {
    id,
    damage: ID.test(id) ? damageOf(received, contentOf(id), exact) : 'its id is not one of ours',
    redelivered,
    deliveryCount: Number(headers['x-delivery-count'] ?? 0),
    acquiredCount: Number(headers['x-acquired-count'] ?? 0),
    deaths: headers['x-death'] ?? [],
  }
}

function damageOf(
  { body, properties }: Received,
  { body: expected, options }: Outgoing,
  exact: boolean,
): string | null {
  if (body.length !== expected.length) return `has ${body.length} bytes, not ${expected.length}`
  if (!body.equals(expected)) {
    const at = body.findIndex((byte, i) => byte !== expected[i])
    return `differs from byte ${at} of ${expected.length} on`
  }
  if (!exact) return null
  const [is, was] = [fingerprint(properties), fingerprint({ ...options })]
  return is === was ? null : `properties are ${is}, not ${was}`
}
