/** From this many targets on, a map finds a target's place; below it, a scan is faster and needs no memory. */
const INDEX_FROM = 16

/**
 * What one routing key (or one exchange) leads to, each target once however many bindings lead to it. `list` is what
 * `route` walks; its order changes when a target goes away. Adding and removing cost the same for ten targets and for
 * 100,000.
 */
export class Targets<T> {
  readonly list: T[] = []
  /** How many bindings lead to the target at the same place of `list`. */
  readonly #counts: number[] = []
  #index: Map<T, number> | null = null

  add(target: T): void {
    const at = this.#find(target)
    if (at !== -1) {
      this.#counts[at]!++
      return
    }
    this.#index?.set(target, this.list.length)
    this.list.push(target)
    this.#counts.push(1)
    if (this.#index === null && this.list.length >= INDEX_FROM) this.#buildIndex()
  }

  /** Takes back one `add`. A target that was never added is ignored. */
  remove(target: T): void {
    const at = this.#find(target)
    if (at === -1) return
    if (this.#counts[at]! > 1) {
      this.#counts[at]!--
      return
    }
    const last = this.list.pop()!
    const lastCount = this.#counts.pop()!
    this.#index?.delete(target)
    if (at === this.list.length) return
    this.list[at] = last
    this.#counts[at] = lastCount
    this.#index?.set(last, at)
  }

  #find(target: T): number {
    return this.#index === null ? this.list.indexOf(target) : (this.#index.get(target) ?? -1)
  }

  #buildIndex(): void {
    this.#index = new Map()
    for (let i = 0; i < this.list.length; i++) this.#index.set(this.list[i]!, i)
  }
}
