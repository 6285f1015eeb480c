import { parseErlangTerm } from './erlang-term-parser.ts'
import type { ErlangTerm } from './erlang-term-parser.ts'
import { LikePattern } from './like-pattern.ts'
import { SELECTOR_LENGTH_MAX, SELECTOR_NODES_MAX, SelectorError } from './selector.ts'
import type { Arithmetic, Comparison, Selector } from './selector.ts'

/**
 * A selector as the RabbitMQ JMS client compiles it: the text of an Erlang term.
 *
 *     Exp = true | false | Number | <<"text">> | {'ident', <<"name">>}
 *         | {'not', Exp} | {'-', Exp} | {'+', Exp} | {'is_null', Exp} | {'not_null', Exp}
 *         | {'and' | 'or', Exp, Exp} | {'+' | '-' | '*' | '/', Exp, Exp}
 *         | {'=' | '<>' | '<' | '<=' | '>' | '>=', Exp, Exp}
 *         | {'between' | 'not_between', Exp, Exp, Exp} or with {'range', Exp, Exp}
 *         | {'in' | 'not_in', Exp, [<<"text">>, …]}
 *         | {'like' | 'not_like', Exp, <<"pattern">>, 'no_escape' | <<"c">>} or with {<<"pattern">>, …}
 * @throws SelectorError
 */
export function parseErlangSelector(text: string): Selector {
  if (text.length > SELECTOR_LENGTH_MAX) throw new SelectorError(`longer than ${SELECTOR_LENGTH_MAX} characters`)
  return new Compiler().compile(parseErlangTerm(text))
}

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>='])
const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*', '/'])

class Compiler {
  #nodes = 0

  compile(term: ErlangTerm): Selector {
    this.#spend(1)
    switch (term.type) {
      case 'number':
      case 'binary':
        return { kind: 'literal', value: term.value }
      case 'atom':
        if (term.value === 'true' || term.value === 'false') return { kind: 'literal', value: term.value === 'true' }
        throw new SelectorError(`unexpected atom '${term.value}'`)
      case 'tuple':
        return this.#compileTuple(term.items)
      case 'list':
        throw new SelectorError('unexpected list')
    }
  }

  #compileTuple([head, ...operands]: readonly ErlangTerm[]): Selector {
    if (head === undefined || head.type !== 'atom') throw new SelectorError('a tuple must start with an atom')
    const operator = head.value
    if (operator.startsWith('not_'))
      return { kind: 'not', operand: this.#compilePredicate(operator.slice(4), operands) }
    if (operator === 'is_null') return this.#compilePredicate('null', operands)
    if (operator === 'between' || operator === 'in' || operator === 'like') {
      return this.#compilePredicate(operator, operands)
    }
    const [first, second] = operands
    if (first !== undefined && operands.length === 1) return this.#compileUnary(operator, first)
    if (first === undefined || second === undefined || operands.length !== 2) throw malformed(operator)
    const left = this.compile(first)
    const right = this.compile(second)
    if (operator === 'and' || operator === 'or') return { kind: operator, left, right }
    if (COMPARISONS.has(operator)) return { kind: 'compare', operator: operator as Comparison, left, right }
    if (ARITHMETIC.has(operator)) return { kind: 'calculate', operator: operator as Arithmetic, left, right }
    throw malformed(operator)
  }

  #compileUnary(operator: string, term: ErlangTerm): Selector {
    if (operator === 'ident') return { kind: 'identifier', name: textOf(term) }
    const operand = this.compile(term)
    if (operator === 'not') return { kind: 'not', operand }
    if (operator === '-') return { kind: 'negate', operand }
    if (operator === '+') return operand
    throw malformed(operator)
  }

  /** The operators that come with a negated twin. */
  #compilePredicate(operator: string, [first, ...rest]: readonly ErlangTerm[]): Selector {
    if (first === undefined) throw malformed(operator)
    const operand = this.compile(first)
    if (operator === 'null' && rest.length === 0) return { kind: 'isNull', operand }
    if (operator === 'in' && rest.length === 1) return { kind: 'in', operand, values: this.#listOf(rest[0]!) }
    const [second, third, ...further] = flattened(rest)
    if (second === undefined || third === undefined || further.length > 0) throw malformed(operator)
    if (operator === 'between') {
      return { kind: 'between', operand, from: this.compile(second), to: this.compile(third) }
    }
    if (operator === 'like') return { kind: 'like', operand, pattern: patternOf(textOf(second), third) }
    throw malformed(operator)
  }

  #spend(nodes: number): void {
    this.#nodes += nodes
    if (this.#nodes > SELECTOR_NODES_MAX) throw new SelectorError(`more than ${SELECTOR_NODES_MAX} terms`)
  }

  #listOf(term: ErlangTerm): (string | number | bigint)[] {
    if (term.type !== 'list') throw new SelectorError('expected a list')
    this.#spend(term.items.length)
    return term.items.map((item) => (item.type === 'number' ? item.value : textOf(item)))
  }
}

/** `{range, From, To}` and `{Pattern, Escape}` are older spellings of two operands. */
function flattened(operands: readonly ErlangTerm[]): readonly ErlangTerm[] {
  const [only] = operands
  if (operands.length !== 1 || only?.type !== 'tuple') return operands
  const [head] = only.items
  return head?.type === 'atom' && head.value === 'range' ? only.items.slice(1) : only.items
}

function patternOf(pattern: string, escape: ErlangTerm): LikePattern {
  if (escape.type === 'atom' && escape.value === 'no_escape') return new LikePattern(pattern, null)
  const character = textOf(escape)
  if ([...character].length !== 1) throw new SelectorError('the escape must be one character')
  return new LikePattern(pattern, character)
}

function textOf(term: ErlangTerm): string {
  if (term.type !== 'binary') throw new SelectorError('expected a binary')
  return term.value
}

const malformed = (operator: string): SelectorError => new SelectorError(`unexpected use of '${operator}'`)
