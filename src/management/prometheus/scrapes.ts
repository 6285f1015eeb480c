import { type Format, header, labelsOf, sample } from './exposition.ts'

interface Sums {
  count: number
  seconds: number
  bytes: number
}

/** How long scrapes took, and how large they were: by endpoint, under the names of RabbitMQ's client library. */
export class Scrapes {
  readonly #byEndpoint = new Map<string, Sums>()

  /** Passes text on, and counts it when it is all there. */
  async *measure(endpoint: string, text: AsyncIterable<string>): AsyncGenerator<string> {
    const startedAt = performance.now()
    let bytes = 0
    for await (const chunk of text) {
      bytes += Buffer.byteLength(chunk)
      if (chunk !== '') yield chunk
    }
    const sums = this.#byEndpoint.get(endpoint) ?? { count: 0, seconds: 0, bytes: 0 }
    sums.count++
    sums.seconds += (performance.now() - startedAt) / 1000
    sums.bytes += bytes
    this.#byEndpoint.set(endpoint, sums)
  }

  text(format: Format): string {
    return (
      this.#summary('telemetry_scrape_duration_seconds', 'Scrape duration', ({ seconds }) => seconds, format) +
      this.#summary('telemetry_scrape_size_bytes', 'Scrape size, not encoded', ({ bytes }) => bytes, format)
    )
  }

  #summary(name: string, help: string, value: (sums: Sums) => number, format: Format): string {
    let text = header(name, 'summary', help, format)
    for (const [registry, sums] of this.#byEndpoint) {
      const labels = labelsOf({ registry })
      text += sample(`${name}_count`, labels, sums.count) + sample(`${name}_sum`, labels, value(sums))
    }
    return text
  }
}
