import { CONTENT_TYPES, type Format, header, labelsOf, sample } from './exposition.ts'
import { monotonicClock } from '../../util/real-time.ts'

interface Sums {
  count: number
  seconds: number
  bytes: number
}

/** How long the scrapes of one endpoint took, and how large they were, under the names of RabbitMQ's client library. */
export class Scrapes {
  readonly #registry: string
  readonly #byFormat = new Map<Format, Sums>()

  /** @param registry what RabbitMQ calls the endpoint */
  constructor(registry: string) {
    this.#registry = registry
  }

  /** Passes text on, after that of the scrapes before, and counts it when it is all there. */
  async *measure(text: AsyncIterable<string>, format: Format): AsyncGenerator<string> {
    const startedAt = monotonicClock()
    const past = this.#text(format)
    let bytes = past.length
    yield past
    for await (const chunk of text) {
      bytes += Buffer.byteLength(chunk)
      if (chunk !== '') yield chunk
    }
    const sums = this.#byFormat.get(format) ?? { count: 0, seconds: 0, bytes: 0 }
    sums.count++
    sums.seconds += (monotonicClock() - startedAt) / 1000
    sums.bytes += bytes
    this.#byFormat.set(format, sums)
  }

  #text(format: Format): string {
    return (
      this.#summary('telemetry_scrape_duration_seconds', 'Scrape duration', ({ seconds }) => seconds, format) +
      this.#summary('telemetry_scrape_size_bytes', 'Scrape size, not encoded', ({ bytes }) => bytes, format)
    )
  }

  #summary(name: string, help: string, value: (sums: Sums) => number, format: Format): string {
    let text = header(name, 'summary', help, format)
    for (const [scraped, sums] of this.#byFormat) {
      const labels = labelsOf({ registry: this.#registry, content_type: CONTENT_TYPES[scraped] })
      text += sample(`${name}_count`, labels, sums.count) + sample(`${name}_sum`, labels, value(sums))
    }
    return text
  }
}
