import type { Copy } from './copy.ts'
import type { QueueBook } from './ledger.ts'
import { type Life, Wire } from './wire.ts'

/** How a queue is looked at after a restart: how many it has; all that it has, given back; or all, acknowledged. */
export type Look = 'count' | 'peek' | 'drain'

/** Time for dead letters on their way: a broker tries again after 5 s. */
const DEAD_LETTERS_WITHIN_MS = 15_000
/** Time for a delivery to follow the one before. */
const DELIVERY_WITHIN_MS = 5_000

/** Compares a queue that nobody else uses with the books. */
export async function lookAt(life: Life, queue: string, how: Look): Promise<void> {
  const { ledger } = life
  const book = ledger.queue(queue)
  const wire = await Wire.open(life, `look-${queue}`)
  // a stop in good order, or a restart before the load begins: nothing else takes part
  if (how === 'count') {
    ledger.counted(book, await wire.ready(queue))
    await wire.close()
    return
  }
  const copies: Copy[] = []
  let last = 0
  let seen = 0
  const ready = await wire.ready(queue)
  if (!book.repeats) ledger.counted(book, ready)
  await wire.consume(queue, (tag, copy) => {
    seen++
    last = tag
    if (copy !== null) copies.push(copy)
  })
  await untilSeen(wire, book.repeats && ledger.mistakes.length === 0 ? DEAD_LETTERS_WITHIN_MS : DELIVERY_WITHIN_MS, {
    seen: () => seen,
    enough: () => seen >= ready && (!book.repeats || ledger.mistakes.length > 0 || hasAll(book, copies)),
  })
  await wire.cancel()
  if (seen < ready) ledger.complain(`queue ${queue}: gave ${seen} of the ${ready} messages that it counts`)
  ledger.observed(book, copies)
  if (seen > 0) {
    if (how === 'drain') wire.ack(last, true)
    else wire.requeue(last, 'nack', true)
    wire.barrier()
    await wire.allConfirmed()
  }
  await wire.close()
}

/** Held by the one who looks, or settled. */
function hasAll(book: QueueBook, copies: readonly Copy[]): boolean {
  const there = new Set(copies)
  for (const copy of book.copies.values()) if (copy.presence === 'sure' && !there.has(copy)) return false
  return true
}

/** Until it is enough, or nothing has come for a while. */
async function untilSeen(
  wire: Wire,
  patienceMs: number,
  { seen, enough }: { readonly seen: () => number; readonly enough: () => boolean },
): Promise<void> {
  let before = -1
  let over = false
  const timer = setInterval(() => {
    over = seen() === before
    before = seen()
    wire.changed()
  }, patienceMs)
  try {
    await wire.until(() => over || enough())
  } finally {
    clearInterval(timer)
  }
}
