import type { LogLimiter } from '../../telemetry/log.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import type { SpanSink } from './message-spans.ts'
import { encodeSpans, type Resource } from './otlp.ts'
import type { Span } from './span.ts'

/** Spans of one request. */
const BATCH_MAX = 512
/** Spans that wait, some MB; beyond, new ones are dropped: the broker does not wait for its collector. */
export const WAITING_MAX = 8192
/** How long spans are gathered. */
const GATHER_MS = 1000
const RETRY_MAX_MS = 30_000
/** For one request. */
const ANSWER_MS = 10_000
/** For what is left when the broker stops. */
const CLOSE_MS = 3000
/** Answers after which the same request may succeed later, by the protocol. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504])

export interface ExporterOptions {
  /** Where spans are posted to. */
  readonly url: string
  /** Of each request: a key that the collector wants, for example. */
  readonly headers: ReadonlyMap<string, string>
  readonly resource: Resource
  readonly clock: Clock
  readonly log: LogLimiter
}

/** Sends spans to a collector, one batch at a time. */
export class SpanExporter implements SpanSink {
  readonly #options: ExporterOptions
  readonly #waiting: Span[] = []
  #timer: Timer | null = null
  #sending: Promise<void> | null = null
  #failures = 0
  #dropped = 0
  #closed = false
  /** Ends what is under way when the time for goodbyes is over. */
  readonly #cut = new AbortController()

  constructor(options: ExporterOptions) {
    this.#options = options
  }

  add(span: Span): void {
    if (this.#closed) return
    if (this.#waiting.length >= WAITING_MAX) return this.drop()
    this.#waiting.push(span)
    // nothing is sent before the turn is over: a span may still learn how it ends
    if (this.#failures === 0 && this.#waiting.length === BATCH_MAX) this.#sendIn(0)
    else if (this.#timer === null) this.#sendIn(GATHER_MS)
  }

  drop(): void {
    this.#dropped++
    this.#options.log.warn('otel dropped', 'spans are dropped: the collector does not keep up', {
      dropped: this.#dropped,
    })
  }

  #sendIn(delayMs: number): void {
    if (this.#sending !== null || this.#closed) return
    this.#timer?.cancel()
    this.#timer = this.#options.clock.schedule(delayMs, { onTimer: () => this.#send() })
  }

  #send(): void {
    this.#timer = null
    if (this.#sending !== null) return
    this.#sending = this.#sendWaiting().finally(() => {
      this.#sending = null
      if (this.#waiting.length === 0) return
      this.#sendIn(this.#failures === 0 ? GATHER_MS : Math.min(GATHER_MS * 2 ** this.#failures, RETRY_MAX_MS))
    })
  }

  /** All full batches, and what there is at first. */
  async #sendWaiting(): Promise<void> {
    do {
      const signal = AbortSignal.any([AbortSignal.timeout(ANSWER_MS), this.#cut.signal])
      if (!(await this.#sendBatch(signal))) return
    } while (this.#waiting.length >= BATCH_MAX && !this.#closed)
  }

  /** @returns whether the next one may follow at once; a batch that may be taken later waits again */
  async #sendBatch(signal: AbortSignal): Promise<boolean> {
    const batch = this.#waiting.splice(0, BATCH_MAX)
    const { outcome, reason } = await this.#post(batch, signal)
    if (outcome === 'sent') {
      this.#failures = 0
      return true
    }
    const later = outcome === 'later'
    const room = later ? Math.max(0, WAITING_MAX - this.#waiting.length) : 0
    this.#waiting.unshift(...batch.slice(0, room))
    const dropped = Math.max(0, batch.length - room)
    this.#dropped += dropped
    this.#failures++
    this.#options.log.warn('otel failed', 'spans could not be sent to the collector', { reason, dropped })
    return false
  }

  async #post(batch: readonly Span[], signal: AbortSignal): Promise<{ outcome: Outcome; reason: string }> {
    const { url, headers, resource } = this.#options
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...Object.fromEntries(headers), 'content-type': 'application/json' },
        body: encodeSpans(resource, batch),
        redirect: 'error',
        signal,
      })
      await answer.body?.cancel()
      if (answer.ok) return { outcome: 'sent', reason: '' }
      return { outcome: RETRYABLE.has(answer.status) ? 'later' : 'refused', reason: `status ${answer.status}` }
    } catch (error) {
      return { outcome: 'later', reason: reasonOf(error as Error) }
    }
  }

  /** Sends what is left, for some seconds at most. */
  async close(): Promise<void> {
    this.#closed = true
    this.#timer?.cancel()
    const deadline = AbortSignal.timeout(CLOSE_MS)
    deadline.addEventListener('abort', () => this.#cut.abort(deadline.reason))
    await this.#sending
    while (this.#waiting.length > 0) if (!(await this.#sendBatch(this.#cut.signal))) break
    const dropped = this.#waiting.length
    if (dropped > 0) this.#options.log.warn('otel closed', 'spans are dropped: the broker stops', { dropped })
    this.#waiting.length = 0
  }
}

type Outcome = 'sent' | 'later' | 'refused'

function reasonOf({ message, cause }: Error): string {
  const { code } = (cause ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : message
}
