import { Histogram } from './histogram.ts'

const COUNTS = ['sent', 'confirmed', 'nacked', 'returned', 'received'] as const
export type Count = (typeof COUNTS)[number]

/** What a thread has counted since it was asked last; plain data, so that it can go from one thread to another. */
export interface Sample {
  readonly counts: Readonly<Record<Count, number>>
  readonly consumerLatency: Float64Array<ArrayBuffer>
  readonly confirmLatency: Float64Array<ArrayBuffer>
}

/** What producers and consumers count. */
export class Counters implements Record<Count, number> {
  sent = 0
  confirmed = 0
  nacked = 0
  returned = 0
  received = 0
  readonly consumerLatency = new Histogram()
  readonly confirmLatency = new Histogram()

  /** Takes what has been counted, and begins anew. */
  take(): Sample {
    const { sent, confirmed, nacked, returned, received, consumerLatency, confirmLatency } = this
    const sample = {
      counts: { sent, confirmed, nacked, returned, received },
      consumerLatency: consumerLatency.counts.slice(),
      confirmLatency: confirmLatency.counts.slice(),
    }
    for (const name of COUNTS) this[name] = 0
    consumerLatency.reset()
    confirmLatency.reset()
    return sample
  }

  add({ counts, consumerLatency, confirmLatency }: Sample): void {
    for (const name of COUNTS) this[name] += counts[name]
    this.consumerLatency.merge(new Histogram(consumerLatency))
    this.confirmLatency.merge(new Histogram(confirmLatency))
  }
}
