import type { LoadedMessage, LoadVisitor, QueueEntry } from '../../store/message-store.ts'

/** Who takes what is read. */
interface DueLoadHost {
  entryOf(loaded: LoadedMessage): QueueEntry
  /** @param bytes of bodies, as far as they are known */
  lost(count: number, bytes: number, numbers: readonly number[]): void
}

/** Reads what is due. What does not fit into one read is given back; what is not found is gone. */
export class DueLoad implements LoadVisitor {
  readonly #host: DueLoadHost
  readonly #numbers: readonly number[]
  readonly #done: (unread: readonly number[]) => void
  /** How many of the numbers have been found, or passed over. */
  #passed = 0
  #found = 0

  constructor(host: DueLoadHost, numbers: readonly number[], done: (unread: readonly number[]) => void) {
    this.#host = host
    this.#numbers = numbers
    this.#done = done
  }

  onLoaded(loaded: LoadedMessage): QueueEntry | null {
    this.#pass(loaded.number)
    return this.#host.entryOf(loaded)
  }

  onLost(number: number, _level: number, bodyLength: number): void {
    this.#pass(number)
    this.#host.lost(1, bodyLength, [number])
  }

  #pass(number: number): void {
    const at = this.#numbers.indexOf(number, this.#passed)
    const gone = at - this.#passed
    if (gone > 0) this.#host.lost(gone, 0, this.#numbers.slice(this.#passed, at))
    this.#passed = at + 1
    this.#found++
  }

  onLoadEnd(): void {
    if (this.#found > 0) {
      this.#done(this.#numbers.slice(this.#passed))
      return
    }
    this.#host.lost(this.#numbers.length, 0, this.#numbers)
    this.#done([])
  }
}
