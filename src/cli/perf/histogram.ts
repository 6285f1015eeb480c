/** Buckets of one power of two: values are told apart by about 1.6 %. */
const SUB_BUCKETS = 64
const SUB_BITS = 6
/** Values up to 2^40 µs, which is twelve days. */
const BUCKETS = (40 - SUB_BITS + 1) * SUB_BUCKETS

export interface Percentiles {
  readonly min: number
  readonly median: number
  readonly p75: number
  readonly p95: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** Counts of latencies in µs, exact up to 64 and in steps of 1.6 % above. */
export class Histogram {
  /** Transferable between threads. */
  readonly counts: Float64Array<ArrayBuffer>
  #total = 0

  constructor(counts = new Float64Array(BUCKETS)) {
    this.counts = counts
    for (const count of counts) this.#total += count
  }

  get total(): number {
    return this.#total
  }

  add(microseconds: number): void {
    this.counts[bucketOf(microseconds)]!++
    this.#total++
  }

  merge(other: Histogram): void {
    for (let i = 0; i < BUCKETS; i++) this.counts[i]! += other.counts[i]!
    this.#total += other.#total
  }

  reset(): void {
    this.counts.fill(0)
    this.#total = 0
  }

  copy(): Histogram {
    return new Histogram(this.counts.slice())
  }

  /** Null where nothing was counted. */
  percentiles(): Percentiles | null {
    if (this.#total === 0) return null
    const [min, median, p75, p95, p99, p999, max] = this.#at([0, 0.5, 0.75, 0.95, 0.99, 0.999, 1]) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ]
    return { min, median, p75, p95, p99, p999, max }
  }

  /** @param shares rising, 0 to 1 */
  #at(shares: readonly number[]): number[] {
    const values: number[] = []
    let seen = 0
    for (let bucket = 0; bucket < BUCKETS && values.length < shares.length; bucket++) {
      seen += this.counts[bucket]!
      while (values.length < shares.length && seen >= Math.max(1, shares[values.length]! * this.#total)) {
        values.push(valueOf(bucket))
      }
    }
    return values
  }
}

function bucketOf(microseconds: number): number {
  if (microseconds < SUB_BUCKETS) return microseconds > 0 ? Math.floor(microseconds) : 0
  if (microseconds < 2 ** 31) {
    const value = microseconds | 0
    const exponent = 32 - SUB_BITS - Math.clz32(value)
    return exponent * SUB_BUCKETS + (value >>> (exponent - 1)) - SUB_BUCKETS
  }
  const exponent = Math.floor(Math.log2(microseconds)) - SUB_BITS + 1
  const index = exponent * SUB_BUCKETS + Math.floor(microseconds / 2 ** (exponent - 1)) - SUB_BUCKETS
  return Math.min(index, BUCKETS - 1)
}

/** The middle of a bucket. */
function valueOf(bucket: number): number {
  if (bucket < SUB_BUCKETS) return bucket
  const exponent = Math.floor(bucket / SUB_BUCKETS)
  const width = 2 ** (exponent - 1)
  return (bucket - exponent * SUB_BUCKETS + SUB_BUCKETS) * width + (width - 1) / 2
}
