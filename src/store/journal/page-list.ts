import { IndexPage } from './index-page.ts'

/** Index pages by number, whose ranges do not overlap. */
export class PageRun {
  readonly pages: IndexPage[] = []

  get tail(): IndexPage | undefined {
    return this.pages.at(-1)
  }

  /** Whether a number lies in no page's range. */
  accepts(number: number): boolean {
    const last = this.tail
    if (last === undefined || number > last.last) return true
    const before = this.pages[this.#indexAfter(number) - 1]
    return before === undefined || before.last < number
  }

  /** The page that an accepted number goes to: mostly the last one; where older numbers come late, one of their own. */
  pageFor(number: number, make: () => IndexPage): IndexPage {
    const last = this.tail
    const at = last === undefined || number > last.last ? this.pages.length : this.#indexAfter(number)
    const before = this.pages[at - 1]
    if (before !== undefined && hasRoom(before)) return before
    const page = make()
    this.pages.splice(at, 0, page)
    return page
  }

  /** The index of the first page that begins after a number. */
  #indexAfter(number: number): number {
    let low = 0
    for (let high = this.pages.length; low < high;) {
      const middle = (low + high) >>> 1
      if (this.pages[middle]!.first <= number) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The index of the first page that may have numbers from here on. */
  indexFrom(number: number): number {
    const at = this.#indexAfter(number)
    const before = this.pages[at - 1]
    return before !== undefined && before.last >= number ? at - 1 : at
  }

  /** The last page that begins up to a number. */
  upTo(number: number): IndexPage | undefined {
    return this.pages[this.#indexAfter(number) - 1]
  }

  /** @returns whether it was there */
  remove(page: IndexPage): boolean {
    const at = page === this.pages[0] ? 0 : this.#indexAfter(page.first) - 1
    if (this.pages[at] !== page) return false
    this.pages.splice(at, 1)
    return true
  }
}

/**
 * The index pages of one queue. Rows mostly come in order of number, and then there is one run. What comes late (messages that were in
 * memory while others beside them left it) may lie in the midst of a page's range, and begins a run of its own. Dead pages are
 * taken out, so the list is short or long like the queue.
 */
export class PageList {
  readonly queueId: number
  readonly transient: boolean
  readonly runs: PageRun[] = [new PageRun()]

  constructor(queueId: number, transient: boolean) {
    this.queueId = queueId
    this.transient = transient
  }

  get isEmpty(): boolean {
    return this.runs.every(({ pages }) => pages.length === 0)
  }

  /** All of them; in order where there is one run. */
  get pages(): readonly IndexPage[] {
    return this.runs.length === 1 ? this.runs[0]!.pages : this.runs.flatMap(({ pages }) => pages)
  }

  /** The page that a number goes to. */
  pageFor(number: number): IndexPage {
    return this.#runFor(number).pageFor(number, () => new IndexPage(this.queueId, this.transient))
  }

  #runFor(number: number): PageRun {
    for (const run of this.runs) if (run.accepts(number)) return run
    const run = new PageRun()
    this.runs.push(run)
    return run
  }

  /** Takes pages as a checkpoint has them, in any order. */
  restore(pages: readonly IndexPage[]): void {
    for (const page of pages.toSorted((a, b) => a.first - b.first)) this.#runFor(page.first).pages.push(page)
  }

  remove(page: IndexPage): void {
    const at = this.runs.findIndex((run) => run.remove(page))
    if (at > 0 && this.runs[at]!.pages.length === 0) this.runs.splice(at, 1)
  }

  /** Nothing in it is live: it goes, unless it is still being filled and takes no room on disk. @returns whether it went */
  removeDead(page: IndexPage): boolean {
    const isFilled = hasRoom(page) && page.location === 0 && this.runs.some(({ tail }) => tail === page)
    if (page.live > 0 || isFilled) return false
    this.remove(page)
    return true
  }

  /** The pages that may have numbers of a range; those of a run in order. */
  *overlapping(from: number, to: number): Generator<IndexPage> {
    for (const run of this.runs) {
      for (let i = run.indexFrom(from); i < run.pages.length; i++) {
        const page = run.pages[i]!
        if (page.first > to) break
        yield page
      }
    }
  }

  /** Whether a message may be live; certain where the rows are in memory, or can be told without them. */
  mayHave(number: number): boolean {
    for (const run of this.runs) {
      const page = run.pages[run.indexFrom(number)]
      if (page === undefined || page.first > number) continue
      if (!page.resident && !page.contiguous) return true
      const row = page.rowOf(number)
      if (row >= 0 && page.isLive(row)) return true
    }
    return false
  }

  /** The pages that may have a number: of each run at most one. */
  covering(number: number): Generator<IndexPage> {
    return this.overlapping(number, number)
  }
}

const hasRoom = (page: IndexPage): boolean => !page.full && page.resident
