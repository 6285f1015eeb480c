import { Targets } from './targets.ts'

/** One word of one or more patterns. Nodes exist only while a pattern runs through them. */
class Node<T> {
  readonly parent: Node<T> | null
  readonly word: string
  /**
   * Whether a `#` lies above: only then can one match reach this node twice at the same word, and has to remember that
   * it was there.
   */
  readonly floating: boolean
  children: Map<string, Node<T>> | null = null
  star: Node<T> | null = null
  hash: Node<T> | null = null
  targets: Targets<T> | null = null
  /** The step of the trie in which the node was last reached. */
  step = 0

  constructor(parent: Node<T> | null, word: string) {
    this.parent = parent
    this.word = word
    this.floating = parent !== null && (parent.floating || parent.word === '#')
  }

  isUnused(): boolean {
    return this.targets === null && this.children === null && this.star === null && this.hash === null
  }
}

/**
 * Topic patterns by word: `*` is exactly one word (which may be empty), `#` any number of words, also none; the empty
 * key has no words.
 *
 * A key is matched word by word against the set of all nodes that the words so far can have led to. Each node is in the
 * set once, so a match costs at most (nodes that match a prefix) × (words), whatever the number of `#` in the patterns,
 * and patterns that do not match cost nothing. The sets are kept between matches: `match` allocates only the words.
 */
export class TopicTrie<T> {
  readonly #root = new Node<T>(null, '')
  // Counted apart from the arrays, which only grow: setting the length of one to 0 frees its memory, and doubled the
  // time.
  #current: Node<T>[] = []
  #currentCount = 0
  #next: Node<T>[] = []
  #nextCount = 0
  /** Counts the words of all matches, so that `Node.step` never has to be reset; exact up to 2^53. */
  #step = 0

  insert(pattern: string, target: T): void {
    let node = this.#root
    for (const word of wordsOf(pattern)) node = childOf(node, word) ?? addChild(node, word)
    node.targets ??= new Targets()
    node.targets.add(target)
  }

  /** Takes back one `insert`. A pattern that is not there is ignored. */
  remove(pattern: string, target: T): void {
    let node: Node<T> | null = this.#root
    for (const word of wordsOf(pattern)) {
      node = childOf(node, word)
      if (node === null) return
    }
    if (node.targets === null) return
    node.targets.remove(target)
    if (node.targets.list.length > 0) return
    node.targets = null
    for (; node.parent !== null && node.isUnused(); node = node.parent) removeChild(node.parent, node.word)
  }

  isEmpty(): boolean {
    return this.#root.isUnused()
  }

  /** Adds the targets of all patterns that match. A target of several matching patterns is added several times. */
  match(key: string, out: { add(target: T): void }): void {
    this.#step++
    this.#reach(this.#root)
    this.#turn()
    if (key.length > 0) {
      let start = 0
      while (this.#currentCount > 0) {
        const dot = key.indexOf('.', start)
        this.#advance(dot === -1 ? key.slice(start) : key.slice(start, dot))
        if (dot === -1) break
        start = dot + 1
      }
    }
    const reached = this.#current
    const count = this.#currentCount
    for (let i = 0; i < count; i++) {
      const targets = reached[i]!.targets
      if (targets === null) continue
      const list = targets.list
      for (let j = 0; j < list.length; j++) out.add(list[j]!)
    }
    this.#currentCount = 0
  }

  #advance(word: string): void {
    this.#step++
    const current = this.#current
    const count = this.#currentCount
    for (let i = 0; i < count; i++) {
      const node = current[i]!
      if (node.children !== null) {
        const child = node.children.get(word)
        if (child !== undefined) this.#reach(child)
      }
      if (node.star !== null) this.#reach(node.star)
      // A '#' that was reached takes this word too and stays where it is.
      if (node.word === '#') this.#reach(node)
    }
    this.#turn()
  }

  #reach(node: Node<T>): void {
    if (node.floating || node.word === '#') {
      if (node.step === this.#step) return
      node.step = this.#step
    }
    this.#next[this.#nextCount++] = node
    if (node.hash !== null) this.#reach(node.hash)
  }

  #turn(): void {
    const done = this.#current
    this.#current = this.#next
    this.#currentCount = this.#nextCount
    this.#next = done
    this.#nextCount = 0
  }
}

/** The words of a key. No key, no words: `''` has none, `'.'` has two empty ones. */
export function wordsOf(key: string): string[] {
  return key === '' ? [] : key.split('.')
}

function childOf<T>(node: Node<T>, word: string): Node<T> | null {
  if (word === '*') return node.star
  if (word === '#') return node.hash
  return node.children?.get(word) ?? null
}

function addChild<T>(node: Node<T>, word: string): Node<T> {
  const child = new Node(node, word)
  if (word === '*') node.star = child
  else if (word === '#') node.hash = child
  else (node.children ??= new Map()).set(word, child)
  return child
}

function removeChild<T>(node: Node<T>, word: string): void {
  if (word === '*') node.star = null
  else if (word === '#') node.hash = null
  else if (node.children !== null) {
    node.children.delete(word)
    if (node.children.size === 0) node.children = null
  }
}
