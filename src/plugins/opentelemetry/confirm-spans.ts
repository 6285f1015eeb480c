import type { ConfirmWatcher } from '../../core/confirms.ts'
import { RingDeque } from '../../util/ring-deque.ts'
import type { Span } from './span.ts'

interface Awaited {
  readonly sequence: number
  readonly span: Span
}

/** How an answer came out: `nacked` is a failure, and so is `lost`, where the publisher is gone before there was one. */
export type ConfirmOutcome = 'confirmed' | 'nacked' | 'lost'

/** The spans of one session's publishes that wait for their confirms, which come in the order of publishing. */
export class ConfirmSpans implements ConfirmWatcher {
  readonly #awaited = new RingDeque<Awaited>(4)
  readonly #finish: (span: Span, outcome: ConfirmOutcome) => void

  constructor(finish: (span: Span, outcome: ConfirmOutcome) => void) {
    this.#finish = finish
  }

  /** @param sequence of the publish */
  wait(sequence: number, span: Span): void {
    this.#awaited.push({ sequence, span })
  }

  confirmed(sequence: number): void {
    this.#answer(sequence, 'confirmed')
  }

  rejected(sequence: number): void {
    this.#answer(sequence, 'nacked')
  }

  confirmsEnded(): void {
    this.#answer(Infinity, 'lost')
  }

  /** All up to this one: those before a rejected one have been answered by then. */
  #answer(last: number, outcome: ConfirmOutcome): void {
    for (let next = this.#awaited.peek(); next !== undefined && next.sequence <= last; next = this.#awaited.peek()) {
      this.#awaited.shift()
      this.#finish(next.span, outcome)
    }
  }
}
