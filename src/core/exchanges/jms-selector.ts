import { numberOf, tokensOf } from './jms-lexer.ts'
import type { Token } from './jms-lexer.ts'
import { LikePattern } from './like-pattern.ts'
import { SELECTOR_LENGTH_MAX, SELECTOR_NODES_MAX, SelectorError } from './selector.ts'
import type { Arithmetic, Comparison, Selector } from './selector.ts'

/** Parentheses, NOTs and signs within each other. */
const NESTING_MAX = 64

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>='])

/**
 * A message selector of the JMS specification, which is the condition of SQL-92's WHERE:
 *
 *     condition  = conjunct { OR conjunct }
 *     conjunct   = negation { AND negation }
 *     negation   = NOT negation | predicate
 *     predicate  = sum [ comparison sum | [NOT] BETWEEN sum AND sum | [NOT] IN ( literal {, literal} )
 *                      | [NOT] LIKE string [ESCAPE string] | IS [NOT] NULL ]
 *     sum        = product { (+|-) product }
 *     product    = factor { (*|/) factor }
 *     factor     = (+|-) factor | string | number | TRUE | FALSE | identifier | ( condition )
 *
 * More liberal than JMS in that IN also takes numbers, and that any value may stand before IN, LIKE and IS NULL.
 * @throws SelectorError
 */
export function parseJmsSelector(text: string): Selector {
  if (text.length > SELECTOR_LENGTH_MAX) throw new SelectorError(`longer than ${SELECTOR_LENGTH_MAX} characters`)
  return new JmsSelectorParser(tokensOf(text)).parse()
}

class JmsSelectorParser {
  readonly #tokens: readonly Token[]
  #at = 0
  #depth = 0
  #nodes = 0

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens
  }

  parse(): Selector {
    const selector = this.#expectKind(this.#condition(), 'condition')
    if (this.#token().kind !== 'end') throw this.#unexpected()
    return selector
  }

  #condition(): Selector {
    let left = this.#conjunct()
    while (this.#takeKeyword('OR')) left = this.#logic('or', left, this.#conjunct())
    return left
  }

  #conjunct(): Selector {
    let left = this.#negation()
    while (this.#takeKeyword('AND')) left = this.#logic('and', left, this.#negation())
    return left
  }

  #logic(kind: 'and' | 'or', left: Selector, right: Selector): Selector {
    return this.#node({
      kind,
      left: this.#expectKind(left, 'condition'),
      right: this.#expectKind(right, 'condition'),
    })
  }

  #negation(): Selector {
    if (!this.#takeKeyword('NOT')) return this.#predicate()
    const operand = this.#nested(() => this.#negation())
    return this.#not(this.#expectKind(operand, 'condition'))
  }

  #predicate(): Selector {
    const operand = this.#sum()
    const token = this.#token()
    if (token.kind === 'symbol' && COMPARISONS.has(token.text)) {
      this.#at++
      return this.#node({ kind: 'compare', operator: token.text as Comparison, left: operand, right: this.#sum() })
    }
    if (this.#takeKeyword('IS')) {
      const negated = this.#takeKeyword('NOT')
      this.#expectKeyword('NULL')
      return this.#negatedIf(negated, { kind: 'isNull', operand })
    }
    const negated = this.#takeKeyword('NOT')
    if (this.#takeKeyword('BETWEEN')) return this.#negatedIf(negated, this.#between(operand))
    if (this.#takeKeyword('IN')) return this.#negatedIf(negated, { kind: 'in', operand, values: this.#list() })
    if (this.#takeKeyword('LIKE')) return this.#negatedIf(negated, { kind: 'like', operand, pattern: this.#pattern() })
    if (negated) throw this.#unexpected()
    return operand
  }

  #between(operand: Selector): Selector {
    const from = this.#sum()
    this.#expectKeyword('AND')
    return { kind: 'between', operand, from, to: this.#sum() }
  }

  #list(): (string | number | bigint)[] {
    const values: (string | number | bigint)[] = []
    this.#expectSymbol('(')
    do {
      values.push(this.#listItem())
      this.#spend()
    } while (this.#takeSymbol(','))
    this.#expectSymbol(')')
    return values
  }

  #listItem(): string | number | bigint {
    const negative = this.#takeSymbol('-')
    const token = this.#token()
    if (token.kind !== 'number' && (negative || token.kind !== 'string')) throw this.#unexpected()
    this.#at++
    if (token.kind === 'string') return token.text
    const value = numberOf(token.text)
    return negative ? -value : value
  }

  #pattern(): LikePattern {
    const pattern = this.#string()
    if (!this.#takeKeyword('ESCAPE')) return new LikePattern(pattern, null)
    const escape = this.#string()
    if ([...escape].length !== 1) throw new SelectorError('ESCAPE must be followed by one character')
    return new LikePattern(pattern, escape)
  }

  #sum(): Selector {
    let left = this.#product()
    for (let token = this.#token(); token.text === '+' || token.text === '-'; token = this.#token()) {
      if (token.kind !== 'symbol') break
      this.#at++
      left = this.#calculation(token.text, left, this.#product())
    }
    return left
  }

  #product(): Selector {
    let left = this.#factor()
    for (let token = this.#token(); token.text === '*' || token.text === '/'; token = this.#token()) {
      if (token.kind !== 'symbol') break
      this.#at++
      left = this.#calculation(token.text, left, this.#factor())
    }
    return left
  }

  #calculation(operator: Arithmetic, left: Selector, right: Selector): Selector {
    return this.#node({
      kind: 'calculate',
      operator,
      left: this.#expectKind(left, 'number'),
      right: this.#expectKind(right, 'number'),
    })
  }

  #factor(): Selector {
    const token = this.#token()
    if (this.#takeSymbol('+'))
      return this.#expectKind(
        this.#nested(() => this.#factor()),
        'number',
      )
    if (this.#takeSymbol('-')) {
      const operand = this.#expectKind(
        this.#nested(() => this.#factor()),
        'number',
      )
      return this.#node({ kind: 'negate', operand })
    }
    if (this.#takeSymbol('(')) {
      const inner = this.#nested(() => this.#condition())
      this.#expectSymbol(')')
      return inner
    }
    this.#at++
    if (token.kind === 'identifier') return this.#node({ kind: 'identifier', name: token.text })
    if (token.kind === 'string') return this.#node({ kind: 'literal', value: token.text })
    if (token.kind === 'number') return this.#node({ kind: 'literal', value: numberOf(token.text) })
    if (token.kind === 'keyword' && (token.text === 'TRUE' || token.text === 'FALSE')) {
      return this.#node({ kind: 'literal', value: token.text === 'TRUE' })
    }
    this.#at--
    throw this.#unexpected()
  }

  #nested(parse: () => Selector): Selector {
    if (++this.#depth > NESTING_MAX) throw new SelectorError(`nested deeper than ${NESTING_MAX}`)
    const selector = parse()
    this.#depth--
    return selector
  }

  #node(selector: Selector): Selector {
    this.#spend()
    return selector
  }

  #spend(): void {
    if (++this.#nodes > SELECTOR_NODES_MAX) throw new SelectorError(`more than ${SELECTOR_NODES_MAX} terms`)
  }

  #not(operand: Selector): Selector {
    return this.#node({ kind: 'not', operand })
  }

  #negatedIf(negated: boolean, selector: Selector): Selector {
    const counted = this.#node(selector)
    return negated ? this.#not(counted) : counted
  }

  /**
   * Refuses what can never be of that kind: `'a' AND b`, `TRUE + 1`. An identifier's kind is known only with a message.
   */
  #expectKind(selector: Selector, kind: 'condition' | 'number'): Selector {
    const actual = kindOf(selector)
    if (actual === 'any' || actual === kind) return selector
    throw new SelectorError(`expected a ${kind} instead of a ${actual} before offset ${this.#token().offset}`)
  }

  #token(): Token {
    return this.#tokens[Math.min(this.#at, this.#tokens.length - 1)]!
  }

  #string(): string {
    const token = this.#token()
    if (token.kind !== 'string') throw this.#unexpected()
    this.#at++
    return token.text
  }

  #take(kind: Token['kind'], text: string): boolean {
    const token = this.#token()
    if (token.kind !== kind || token.text !== text) return false
    this.#at++
    return true
  }

  #takeKeyword(text: string): boolean {
    return this.#take('keyword', text)
  }

  #takeSymbol(text: string): boolean {
    return this.#take('symbol', text)
  }

  #expectKeyword(text: string): void {
    if (!this.#takeKeyword(text)) throw this.#unexpected()
  }

  #expectSymbol(text: string): void {
    if (!this.#takeSymbol(text)) throw this.#unexpected()
  }

  #unexpected(): SelectorError {
    const { kind, text, offset } = this.#token()
    return new SelectorError(`unexpected ${kind === 'end' ? text : `${kind} ${text}`} at offset ${offset}`)
  }
}

function kindOf(selector: Selector): 'any' | 'condition' | 'number' | 'string' {
  switch (selector.kind) {
    case 'identifier':
      return 'any'
    case 'literal':
      if (typeof selector.value === 'string') return 'string'
      return typeof selector.value === 'boolean' ? 'condition' : 'number'
    case 'negate':
    case 'calculate':
      return 'number'
    default:
      return 'condition'
  }
}
