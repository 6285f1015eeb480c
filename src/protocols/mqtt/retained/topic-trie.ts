import { isReserved } from '../topics.ts'

class Node<T> {
  children: Map<string, Node<T>> | null = null
  value: T | null = null
}

/** Values by topic, of which those that a filter matches are found by looking at its levels only. */
export class TopicTrie<T> {
  size = 0
  readonly #root = new Node<T>()

  get(topic: string): T | null {
    let node: Node<T> | undefined = this.#root
    for (const level of topic.split('/')) {
      node = node.children?.get(level)
      if (node === undefined) return null
    }
    return node.value
  }

  set(topic: string, value: T): void {
    let node = this.#root
    for (const level of topic.split('/')) {
      node.children ??= new Map()
      let next = node.children.get(level)
      if (next === undefined) node.children.set(level, (next = new Node()))
      node = next
    }
    if (node.value === null) this.size++
    node.value = value
  }

  delete(topic: string): void {
    const levels = topic.split('/')
    const path = [this.#root]
    for (const level of levels) {
      const next = path.at(-1)!.children?.get(level)
      if (next === undefined) return
      path.push(next)
    }
    const last = path.at(-1)!
    if (last.value === null) return
    last.value = null
    this.size--
    // levels that lead nowhere any more go with it
    for (let i = levels.length; i > 0; i--) {
      const { value, children } = path[i]!
      if (value !== null || children !== null) return
      const above = path[i - 1]!
      above.children!.delete(levels[i - 1]!)
      if (above.children!.size > 0) return
      above.children = null
    }
  }

  /**
   * Topics that a filter matches, with their values, by topic: level by level, in the order of the levels' characters. It may be set and
   * deleted meanwhile.
   */
  match(filter: string): Generator<[topic: string, value: T]> {
    return walk(this.#root, '', filter.split('/'), 0)
  }
}

/** @param path of the node, with a slash at its end; empty for the root @param at the first level of the filter below it */
function* walk<T>(node: Node<T>, path: string, filter: string[], at: number): Generator<[string, T]> {
  const level = filter[at]
  // `a/#` matches `a` as well
  const ends = level === undefined || (level === '#' && path !== '')
  if (ends && node.value !== null) yield [path.slice(0, -1), node.value]
  if (level === undefined || node.children === null) return
  if (level !== '#' && level !== '+') {
    const next = node.children.get(level)
    if (next !== undefined) yield* walk(next, `${path}${level}/`, filter, at + 1)
    return
  }
  for (const name of [...node.children.keys()].sort()) {
    if (path === '' && isReserved(name)) continue
    const next = node.children.get(name)
    if (next !== undefined) yield* walk(next, `${path}${name}/`, filter, level === '#' ? at : at + 1)
  }
}
