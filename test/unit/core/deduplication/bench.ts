import { type Field, type Table, longstr, long } from '../../../../src/core/fields.ts'
import { type Client, CoreBench } from '../../../support/core-bench.ts'
import { PagingStore } from '../../../support/paging-store.ts'

export interface Setup {
  readonly bench: CoreBench
  readonly store: PagingStore
  readonly client: Client
}

export async function start(options: ConstructorParameters<typeof CoreBench>[0] = {}): Promise<Setup> {
  const store = new PagingStore()
  const bench = await new CoreBench(options, undefined, store).start()
  return { bench, store, client: bench.client() }
}

/** The broker ends without a word, and another one opens what was safe. */
export async function crash({ bench, store }: Setup): Promise<Setup> {
  await bench.broker.commitMetadata()
  bench.clock.timers.clear()
  const next = store.crash()
  const other = await new CoreBench({}, bench.metadata, next, bench.clock).start()
  other.advance(0)
  return { bench: other, store: next, client: other.client() }
}

export interface Sent {
  readonly exchange?: string
  readonly value?: string | Field
  readonly header?: string
  readonly ttlMs?: number
  readonly expiresMs?: number
  readonly publisher?: string
  readonly id?: number | bigint
  readonly mandatory?: boolean
  readonly persistent?: boolean
}

/** Publishes a persistent message, unless `persistent` says otherwise, with the headers that count. */
export function send(client: Client, key: string, body: string, sent: Sent = {}): void {
  const { exchange = '', value, header = 'x-deduplication-header', publisher, id, mandatory = false } = sent
  const headers: Table = new Map()
  if (value !== undefined) headers.set(header, typeof value === 'string' ? longstr(value) : value)
  if (sent.ttlMs !== undefined) headers.set('x-cache-ttl', long(sent.ttlMs))
  if (publisher !== undefined) headers.set('x-publisher-name', longstr(publisher))
  if (id !== undefined) headers.set('x-publishing-id', long(id))
  const { persistent = true } = sent
  const expiry = sent.expiresMs === undefined ? {} : { ttlMs: sent.expiresMs }
  client.publish(key, body, { exchange, mandatory, persistent, headers, ...expiry })
}

/** All that is ready, taken for good. */
export function drain(client: Client, queue = 'q'): string[] {
  const bodies: string[] = []
  for (let got = client.get(queue, true); got !== null; got = client.get(queue, true)) bodies.push(got.body)
  return bodies
}
