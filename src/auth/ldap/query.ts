import { type ErlangTerm, printErlangTerm } from '../../util/erlang-syntax.ts'
import { AuthSettingsError } from '../client-tls.ts'

/** A question to the directory, as `tag_queries` and its like have it. `pattern`s are texts with `${variables}`. */
export type Query =
  | { readonly kind: 'constant'; readonly value: boolean }
  | { readonly kind: 'for'; readonly cases: readonly { variable: string; value: string; query: Query }[] }
  | { readonly kind: 'exists'; readonly pattern: string }
  | { readonly kind: 'inGroup'; readonly pattern: string; readonly attribute: string }
  | {
      readonly kind: 'inGroupNested'
      readonly pattern: string
      readonly attribute: string
      readonly scope: 'sub' | 'one'
    }
  | { readonly kind: 'not'; readonly query: Query }
  | { readonly kind: 'and' | 'or'; readonly queries: readonly Query[] }
  | { readonly kind: 'equals' | 'match'; readonly left: ValueQuery; readonly right: ValueQuery }

/** What has a text, or several, for a value. */
export type ValueQuery =
  | { readonly kind: 'string'; readonly pattern: string }
  | { readonly kind: 'attribute'; readonly pattern: string; readonly attribute: string }

/** A query in Erlang's words, as RabbitMQ's `advanced.config` has it. @param key for errors @throws AuthSettingsError */
export function parseQuery(key: string, term: ErlangTerm): Query {
  return new QueryParser(key).query(term)
}

/** `[{administrator, QUERY}, …]`. @throws AuthSettingsError */
export function parseTagQueries(key: string, term: ErlangTerm): { tag: string; query: Query }[] {
  if (term.type !== 'list') throw new AuthSettingsError(`${key}: expected a list of {tag, query}`)
  return term.items.map((item) => {
    const [tag, query] = item.type === 'tuple' && item.items.length === 2 ? item.items : []
    const name = tag === undefined ? null : wordOf(tag)
    if (name === null || query === undefined) {
      throw new AuthSettingsError(`${key}: expected {tag, query} in place of ${printErlangTerm(item)}`)
    }
    return { tag: name, query: parseQuery(`${key}: ${name}`, query) }
  })
}

/** Whether the directory has to be asked at all. */
export function needsDirectory(query: Query): boolean {
  switch (query.kind) {
    case 'constant':
      return false
    case 'for':
      return query.cases.some((each) => needsDirectory(each.query))
    case 'not':
      return needsDirectory(query.query)
    case 'and':
    case 'or':
      return query.queries.some(needsDirectory)
    case 'equals':
    case 'match':
      return query.left.kind === 'attribute' || query.right.kind === 'attribute'
    default:
      return true
  }
}

const SCOPES: Readonly<Record<string, 'sub' | 'one'>> = {
  subtree: 'sub',
  singlelevel: 'one',
  single_level: 'one',
  onelevel: 'one',
  one_level: 'one',
}

class QueryParser {
  readonly #key: string

  constructor(key: string) {
    this.#key = key
  }

  query(term: ErlangTerm): Query {
    const [name, ...args] = term.type === 'tuple' ? term.items : []
    if (name?.type !== 'atom') throw this.#error(term)
    switch (name.name) {
      case 'constant':
        return this.#constant(term, args)
      case 'for':
        return { kind: 'for', cases: this.#listOf(term, args).map((each) => this.#case(each)) }
      case 'exists':
        return { kind: 'exists', pattern: this.#texts(term, args, 1, 1)[0]! }
      case 'in_group': {
        const [pattern, attribute = 'member'] = this.#texts(term, args, 1, 2) as [string, string?]
        return { kind: 'inGroup', pattern, attribute }
      }
      case 'in_group_nested':
        return this.#nested(term, args)
      case 'not':
        if (args.length !== 1) throw this.#error(term)
        return { kind: 'not', query: this.query(args[0]!) }
      case 'and':
      case 'or':
        return { kind: name.name, queries: this.#listOf(term, args).map((each) => this.query(each)) }
      case 'equals':
      case 'match':
        if (args.length !== 2) throw this.#error(term)
        return { kind: name.name, left: this.#value(args[0]!), right: this.#value(args[1]!) }
      default:
        throw this.#error(term)
    }
  }

  #constant(term: ErlangTerm, [value, more]: readonly ErlangTerm[]): Query {
    const word = value?.type === 'atom' ? value.name : ''
    if (more !== undefined || (word !== 'true' && word !== 'false')) throw this.#error(term)
    return { kind: 'constant', value: word === 'true' }
  }

  #case(term: ErlangTerm): { variable: string; value: string; query: Query } {
    const [variable, value, query] = term.type === 'tuple' && term.items.length === 3 ? term.items : []
    const [name, word] = [variable, value].map((each) => (each === undefined ? null : wordOf(each)))
    if (name === null || word === null || query === undefined) throw this.#error(term)
    return { variable: name!, value: word!, query: this.query(query) }
  }

  #nested(term: ErlangTerm, args: readonly ErlangTerm[]): Query {
    const [pattern, attribute = 'member'] = this.#texts(term, args.slice(0, 2), 1, 2) as [string, string?]
    const word = args[2] === undefined ? 'subtree' : wordOf(args[2])
    if (args.length > 3 || word === null || !Object.hasOwn(SCOPES, word)) throw this.#error(term)
    return { kind: 'inGroupNested', pattern, attribute, scope: SCOPES[word]! }
  }

  #value(term: ErlangTerm): ValueQuery {
    if (term.type === 'string' || term.type === 'binary') return { kind: 'string', pattern: term.text }
    const [name, ...args] = term.type === 'tuple' ? term.items : []
    if (name?.type === 'atom' && name.name === 'string') {
      return { kind: 'string', pattern: this.#texts(term, args, 1, 1)[0]! }
    }
    if (name?.type !== 'atom' || name.name !== 'attribute') throw this.#error(term)
    const [pattern, attribute] = this.#texts(term, args, 2, 2)
    return { kind: 'attribute', pattern: pattern!, attribute: attribute! }
  }

  #listOf(term: ErlangTerm, [list, more]: readonly ErlangTerm[]): readonly ErlangTerm[] {
    if (list?.type !== 'list' || more !== undefined) throw this.#error(term)
    return list.items
  }

  #texts(term: ErlangTerm, args: readonly ErlangTerm[], min: number, max: number): string[] {
    if (args.length < min || args.length > max) throw this.#error(term)
    return args.map((each) => {
      if (each.type !== 'string' && each.type !== 'binary') throw this.#error(term)
      return each.text
    })
  }

  #error(term: ErlangTerm): AuthSettingsError {
    return new AuthSettingsError(`${this.#key}: ${printErlangTerm(term)} is not a query`)
  }
}

function wordOf(term: ErlangTerm): string | null {
  if (term.type === 'atom') return term.name
  return term.type === 'string' || term.type === 'binary' ? term.text : null
}
