import { IndexPage } from './index-page.ts'

/** The index pages of one queue, by number; their ranges do not overlap. Dead pages are taken out, so the list is short or long like the queue. */
export class PageList {
  readonly queueId: number
  readonly transient: boolean
  pages: IndexPage[] = []

  constructor(queueId: number, transient: boolean) {
    this.queueId = queueId
    this.transient = transient
  }

  get tail(): IndexPage | undefined {
    return this.pages.at(-1)
  }

  /** The page that a number goes to: mostly the last one; where older numbers come late, one of their own. */
  pageFor(number: number): IndexPage {
    const last = this.tail
    if (last !== undefined && number > last.last && hasRoom(last)) return last
    const at = last === undefined || number > last.last ? this.pages.length : this.#indexAfter(number)
    const before = this.pages[at - 1]
    if (before !== undefined && before.last < number && hasRoom(before)) return before
    const page = new IndexPage(this.queueId, this.transient)
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

  /** The page in whose range a number is, or null. */
  find(number: number): IndexPage | null {
    const first = this.pages[0]
    if (first === undefined) return null
    const page = number <= first.last ? first : this.pages[this.#indexAfter(number) - 1]
    return page !== undefined && number >= page.first && number <= page.last ? page : null
  }

  /** Nothing in it is live: it goes, unless it is still being filled. */
  removeDead(page: IndexPage): boolean {
    if (page.live > 0 || (page === this.tail && hasRoom(page))) return false
    const at = page === this.pages[0] ? 0 : this.#indexAfter(page.first) - 1
    if (this.pages[at] !== page) return false
    this.pages.splice(at, 1)
    return true
  }

  /** Calls `visit` with the pages that may have numbers of a range. */
  *overlapping(from: number, to: number): Generator<IndexPage> {
    for (let i = this.indexFrom(from); i < this.pages.length; i++) {
      const page = this.pages[i]!
      if (page.first > to) return
      yield page
    }
  }
}

const hasRoom = (page: IndexPage): boolean => !page.full && page.resident
