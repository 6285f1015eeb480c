import assert from 'node:assert/strict'
import { bool, type Field, longstr, signedint } from '../../../../src/core/fields.ts'
import type { QueueChangeReport } from '../../../../src/core/queue-change-report.ts'
import { MemoryMetadataStore } from '../../../../src/store/memory/memory-metadata-store.ts'
import { type Client, CoreBench } from '../../../support/core-bench.ts'
import { PagingStore } from '../../../support/paging-store.ts'

/** A change as a test says it. */
export interface Wanted {
  readonly type?: string
  readonly durable?: boolean
  readonly arguments?: Readonly<Record<string, string | number | boolean | null>>
}

export interface Setup {
  readonly bench: CoreBench
  readonly store: PagingStore
  readonly client: Client
}

/** @param budget bytes of memory for messages: with 0, all leaves it that can */
export async function start(budget = Infinity, disk = new PagingStore()): Promise<Setup> {
  const bench = await new CoreBench({ messageMemoryBytes: budget }, new MemoryMetadataStore(), disk).start()
  return { bench, store: disk, client: bench.client() }
}

const fieldOf = (value: string | number | boolean): Field => {
  if (typeof value === 'string') return longstr(value)
  return typeof value === 'number' ? signedint(value) : bool(value)
}

export const requestOf = ({
  type,
  durable,
  arguments: args,
}: Wanted): Parameters<Client['session']['topology']['changeQueue']>[1] => ({
  type,
  durable,
  arguments:
    args && new Map(Object.entries(args).map(([name, value]) => [name, value === null ? null : fieldOf(value)])),
})

/** Asks for a change, and lets happen what it takes. */
export async function change(
  { bench, client }: Pick<Setup, 'bench' | 'client'>,
  wanted: Wanted,
  act = true,
): Promise<{ changed: boolean; report: QueueChangeReport }> {
  let done = false
  const changing = client.session.topology.changeQueue('q', requestOf(wanted), act)
  changing
    .then(({ settled }) => settled)
    .then(
      () => (done = true),
      () => (done = true),
    )
  while (!done) {
    await new Promise((resolve) => setImmediate(resolve))
    bench.settle()
  }
  bench.settle()
  return changing
}

/** Asks for a change that the process will not live to see the end of. */
export function beginChange({ client }: Pick<Setup, 'client'>, wanted: Wanted): void {
  client.session.topology.changeQueue('q', requestOf(wanted), true).catch(() => {})
}

/** A bench's time stands still. @returns the metadata that were committed, for the next one */
export async function metadataAfterCrash({ clock, metadata }: CoreBench): Promise<MemoryMetadataStore> {
  clock.timers.clear()
  const next = new MemoryMetadataStore()
  for (const [key, value] of await metadata.load()) next.put(key, value)
  await next.commit()
  return next
}

/** The process ends without a word, with what was committed. */
export async function crash({ bench, store }: Setup, budget = Infinity): Promise<Setup> {
  const metadata = await metadataAfterCrash(bench)
  const next = store.crash()
  // what waits there for something would wait for ever
  bench.broker.close()
  const other = await new CoreBench({ messageMemoryBytes: budget }, metadata, next, bench.clock).start()
  other.advance(0)
  return { bench: other, store: next, client: other.client() }
}

/** Whether a search for levels goes on. */
export const isFindingLevels = (bench: CoreBench): boolean => (bench.vhost.queues.get('q')?.unsettledLevels ?? 0) > 0

/** Lets a search for levels end, which takes turns of the event loop. */
export async function levelsSettled({ bench }: Pick<Setup, 'bench'>): Promise<void> {
  while (isFindingLevels(bench)) {
    await new Promise((resolve) => setImmediate(resolve))
    bench.settle()
  }
  // what came back while its place was being read is put there a little later
  bench.advance(100)
}

/** Settles what was delivered. @returns the bodies */
export function ackAll(client: Client): string[] {
  return client.deliveries.splice(0).map(({ body, tag }) => {
    client.ack(tag)
    return body
  })
}

/** Takes all that is ready, and has it settled. */
export function drain({ bench, client }: Pick<Setup, 'bench' | 'client'>): string[] {
  const bodies: string[] = []
  client.consume('q', { tag: 'drain', prefetch: 1 })
  for (let got = ['']; got.length > 0;) {
    bench.settle()
    got = ackAll(client)
    bodies.push(...got)
  }
  client.session.cancel('drain')
  return bodies
}

export const numbered = (name: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${name}${from + i}`)

/** Nothing is left behind: in counts, memory and store. */
export function assertEmpty({ bench, store }: Setup): void {
  const queue = bench.queue('q')
  const { readyCount, readyBytes, unackedCount, heldCount, readyInStore } = queue
  assert.deepEqual([readyCount, readyBytes, unackedCount, heldCount, readyInStore], [0, 0, 0, 0, 0])
  assert.equal(store.stored, 0)
  assert.equal(bench.store.stats().messages, 0)
}
