/**
 * Users of RabbitMQ write their patterns for PCRE (as Erlang's `re` has it: PCRE 8, bytes, no options). Here such a pattern is
 * rewritten for JavaScript's engine, construct by construct, so that what is accepted means the same; the rest is refused.
 *
 * Differences that remain: patterns and subjects are Unicode characters, not bytes; lookbehinds may vary in length.
 * Not supported: backreferences (JavaScript's match where the group is unset), atomic groups and possessive quantifiers,
 * recursion, conditions, callouts and verbs.
 */
import { Automaton, TooLargeError } from './pcre/automaton.ts'
import { backtracksWithin } from './pcre/backtracking.ts'
import { readCharacterClass } from './pcre/character-class.ts'
import { type Expression, parseExpression } from './pcre/expression.ts'
import { PatternError, PcreReader } from './pcre/reader.ts'
import { eitherCase } from './pcre/sets.ts'

export { PatternError } from './pcre/reader.ts'

/** Characters; RabbitMQ's limit for policies. */
export const PATTERN_LENGTH_MAX = 1024

/** Names are shorter. */
const SHORT_TEXT_LENGTH = 256
/**
 * Of JavaScript's engine, with a text of that length: about a millisecond. Beyond it the automaton is used, which is slower with most
 * patterns and never slow.
 */
const BACKTRACKS_MAX = 100_000
const AUTOMATON_STEPS_MAX = 2000

/** A compiled pattern. The time that it takes grows with the length of the text, and with no pattern faster than that. */
export interface Pattern {
  /** Whether it is found anywhere in the text. */
  test(text: string): boolean
}

/**
 * Compiles a PCRE pattern; `test` of the result searches (unanchored) and keeps no state.
 * @throws PatternError
 */
export function compilePcre(pattern: string, lengthMax: number = PATTERN_LENGTH_MAX): Pattern {
  if (pattern.length > lengthMax) {
    throw new PatternError(pattern, `pattern is longer than ${lengthMax} characters`, lengthMax)
  }
  const source = new PcreTranslator(pattern).translate()
  const tooLarge = (): PatternError =>
    new PatternError(pattern, 'regular expression is too large', Buffer.byteLength(pattern))
  const regexp = compileSource(source)
  if (regexp === null) throw tooLarge()
  const expression = parseExpression(source)
  if (backtracksWithin(expression, SHORT_TEXT_LENGTH) <= BACKTRACKS_MAX) return new QuickPattern(regexp, expression)
  const automaton = automatonOf(expression)
  if (automaton === null) throw tooLarge()
  return automaton
}

/** Null for what the engine finds too large, which it does at the first use. */
function compileSource(source: string): RegExp | null {
  try {
    const regexp = new RegExp(source, 'v')
    regexp.test('')
    return regexp
  } catch {
    return null
  }
}

/** Null for one of too many steps. */
function automatonOf(expression: Expression): Automaton | null {
  try {
    return new Automaton(expression, AUTOMATON_STEPS_MAX)
  } catch (error) {
    if (error instanceof TooLargeError) return null
    throw error
  }
}

/** With short texts it is quick: a long one has the automaton, where there can be one. */
class QuickPattern implements Pattern {
  readonly #regexp: RegExp
  readonly #expression: Expression
  #forLong: Pattern | null = null

  constructor(regexp: RegExp, expression: Expression) {
    this.#regexp = regexp
    this.#expression = expression
  }

  test(text: string): boolean {
    if (text.length <= SHORT_TEXT_LENGTH) return this.#regexp.test(text)
    this.#forLong ??= automatonOf(this.#expression) ?? this.#regexp
    return this.#forLong.test(text)
  }
}

/** A pattern that matches exactly this text. */
export const escapePcre = (text: string): string => text.replace(/[^A-Za-z0-9_\u0080-\u{10ffff}]/gu, '\\$&')

const IGNORE_CASE = 1
const MULTILINE = 2
const DOT_ALL = 4
const EXTENDED = 8

const OPTION_LETTERS: Readonly<Record<string, number>> = {
  i: IGNORE_CASE,
  m: MULTILINE,
  s: DOT_ALL,
  x: EXTENDED,
  J: 0, // duplicate names and
  U: 0, // greediness cannot be seen from whether a pattern matches
}

/** What the next quantifier would apply to. Lookarounds may be repeated in PCRE, not in JavaScript. */
const NOTHING = 0
const ATOM = 1
const LOOKAROUND = 2

interface Group {
  /** Where the group's text starts in the output. */
  readonly start: number
  readonly lookaround: boolean
  /** Options to return to at the closing bracket. */
  readonly outerOptions: number
}

class PcreTranslator {
  readonly #in: PcreReader
  #out = ''
  #options = 0
  #repeatable: number = NOTHING
  #atomStart = 0
  #captures = 0
  readonly #names = new Set<string>()
  readonly #groups: Group[] = []

  constructor(pattern: string) {
    this.#in = new PcreReader(pattern)
  }

  translate(): string {
    while (!this.#in.ended) this.#translateItem()
    if (this.#groups.length > 0) this.#in.fail('missing )')
    return this.#out
  }

  #translateItem(): void {
    if (this.#in.skipQuoteMark()) return
    if (this.#in.quoted) return this.#literal(this.#in.next())
    if (this.#skipIgnored()) return
    const char = this.#in.char
    switch (char) {
      case '\\':
        return this.#escape()
      case '[':
        return this.#atom(readCharacterClass(this.#in, this.#has(IGNORE_CASE)))
      case '(':
        return this.#openGroup()
      case ')':
        return this.#closeGroup()
      case '|':
        return this.#alternate()
      case '*':
      case '+':
      case '?':
        return this.#quantify(char, this.#in.at)
      case '{':
        return this.#brace()
      case '.':
        this.#in.at++
        return this.#atom(this.#has(DOT_ALL) ? '[^]' : '[^\\n]')
      case '^':
        this.#in.at++
        return this.#assertion(this.#has(MULTILINE) ? '(?:^|(?<=\\n)(?!$))' : '^')
      case '$':
        this.#in.at++
        return this.#assertion(this.#has(MULTILINE) ? '(?=\\n|$)' : '(?=\\n?$)')
      default:
        return this.#literal(this.#in.next())
    }
  }

  // --- groups and options

  #openGroup(): void {
    const rest = this.#in.rest
    if (/^\(\*[A-Z:]/.test(rest)) this.#in.refuse('verbs are')
    if (!rest.startsWith('(?')) {
      this.#captures++
      return this.#pushGroup('(?:', 1)
    }
    const lookaround = /^\(\?<?[=!]/.exec(rest)
    if (lookaround !== null) return this.#pushGroup(lookaround[0], lookaround[0].length)
    if (rest.startsWith('(?:') || rest.startsWith('(?|')) return this.#pushGroup('(?:', 3)
    if (rest.startsWith('(?>')) this.#in.refuse('atomic groups are')
    if (rest.startsWith('(?(')) this.#in.refuse('conditional groups are')
    if (/^\(\?(?:R|&|P>|[+-]?\d)/.test(rest)) this.#in.refuse('recursive patterns are')
    if (rest.startsWith('(?P=')) this.#in.refuse('backreferences are')
    if (rest.startsWith('(?C')) this.#in.refuse('callouts are')
    if (/^\(\?(?:<|'|P)/.test(rest)) return this.#namedGroup(rest)
    this.#optionGroup()
  }

  #namedGroup(rest: string): void {
    const opening = /^\(\?(?:P?<|')/.exec(rest)
    if (opening === null) this.#in.fail('unrecognized character after (?P', this.#in.at + 3)
    const nameAt = this.#in.at + opening[0].length
    const name = /^\w*/.exec(this.#in.pattern.slice(nameAt))![0]
    const end = nameAt + name.length
    if (name === '') this.#in.fail('subpattern name expected', nameAt)
    if (/^\d/.test(name)) this.#in.fail('group name must start with a non-digit', nameAt)
    if (this.#in.pattern[end] !== (opening[0].endsWith("'") ? "'" : '>')) {
      this.#in.fail('syntax error in subpattern name (missing terminator)', end)
    }
    if (this.#names.has(name)) this.#in.fail('two named subpatterns have the same name', end)
    this.#names.add(name)
    this.#captures++
    this.#pushGroup('(?:', end + 1 - this.#in.at)
  }

  /** `(?i)` changes the rest of the enclosing group, `(?i:` opens a group of its own. */
  #optionGroup(): void {
    let options = this.#options
    let adding = true
    let at = this.#in.at + 2
    for (; ; at++) {
      const letter = this.#in.pattern[at] ?? ''
      const option = OPTION_LETTERS[letter]
      if (option !== undefined) options = adding ? options | option : options & ~option
      else if (letter === '-' && adding) adding = false
      else if (letter === ':' || letter === ')') break
      else this.#in.fail('unrecognized character after (? or (?-', at)
    }
    if (this.#in.pattern[at] === ':') this.#pushGroup('(?:', at + 1 - this.#in.at)
    else this.#in.at = at + 1
    this.#options = options
    this.#repeatable = NOTHING
  }

  #pushGroup(opening: string, length: number): void {
    this.#groups.push({
      start: this.#out.length,
      lookaround: opening !== '(?:',
      outerOptions: this.#options,
    })
    this.#out += opening
    this.#in.at += length
    this.#repeatable = NOTHING
  }

  #closeGroup(): void {
    const group = this.#groups.pop()
    if (group === undefined) this.#in.fail('unmatched parentheses', this.#in.at)
    this.#out += ')'
    this.#in.at++
    this.#options = group.outerOptions
    this.#atomStart = group.start
    this.#repeatable = group.lookaround ? LOOKAROUND : ATOM
  }

  /** Options set in one branch hold in the later ones too. */
  #alternate(): void {
    this.#out += '|'
    this.#in.at++
    this.#repeatable = NOTHING
  }

  // --- quantifiers

  #brace(): void {
    const match = /^\{(\d+)(,(\d*))?\}/.exec(this.#in.rest)
    if (match === null) return this.#literal(this.#in.next()) // PCRE takes any other brace as it is
    const last = this.#in.at + match[0].length - 1
    const min = Number(match[1])
    const max = match[3] === undefined || match[3] === '' ? min : Number(match[3])
    if (min > 65535 || max > 65535) this.#in.fail('number too big in {} quantifier', last)
    if (max < min) this.#in.fail('numbers out of order in {} quantifier', last)
    this.#quantify(match[0], last)
  }

  #quantify(quantifier: string, last: number): void {
    if (this.#repeatable === NOTHING) this.#in.fail('nothing to repeat', last)
    if (this.#repeatable === LOOKAROUND) {
      this.#out = `${this.#out.slice(0, this.#atomStart)}(?:${this.#out.slice(this.#atomStart)})`
    }
    this.#out += quantifier
    this.#in.at += quantifier.length
    this.#repeatable = NOTHING
    while (this.#skipIgnored());
    const suffix = this.#in.char
    if (suffix === '+') this.#in.refuse('possessive quantifiers are')
    if (suffix !== '?') return
    this.#out += '?'
    this.#in.at++
  }

  // --- escapes and literals

  #escape(): void {
    const at = this.#in.at
    const letter = this.#in.pattern[at + 1]
    if (letter === undefined) this.#in.fail('\\ at end of pattern')
    const set = this.#in.classEscape(letter)
    if (set !== null) return this.#atom(set)
    this.#in.at = at + 2
    switch (letter) {
      case 'b':
      case 'B':
        return this.#assertion(`\\${letter}`)
      case 'A':
      case 'G': // where matching began: always the start of the subject here
        return this.#assertion('^')
      case 'Z':
        return this.#assertion('(?=\\n?$)')
      case 'z':
        return this.#assertion('$')
      case 'K': // moves the start of the match, which nobody asks for
        return this.#assertion('')
      case 'R':
        return this.#atom('(?:\\r\\n|[\\n-\\r\\x85\\u2028\\u2029])')
      case 'X':
      case 'C':
        return this.#in.refuse(`\\${letter} is`, at)
      case 'g':
      case 'k':
        return this.#in.refuse('backreferences are', at)
    }
    if (/[1-9]/.test(letter)) {
      const reference = Number(/^\d+/.exec(this.#in.pattern.slice(at + 1))![0])
      if (reference < 8 || reference <= this.#captures) this.#in.refuse('backreferences are', at)
    }
    this.#in.at = at
    this.#literal(this.#in.characterEscape())
  }

  // --- output and options

  #has(option: number): boolean {
    return (this.#options & option) !== 0
  }

  /** Skips a comment or, where they are ignored, white space. */
  #skipIgnored(): boolean {
    const { pattern, at } = this.#in
    if (pattern.startsWith('(?#', at)) {
      const end = pattern.indexOf(')', at)
      if (end === -1) this.#in.fail('missing ) after comment')
      this.#in.at = end + 1
      return true
    }
    if (!this.#has(EXTENDED)) return false
    const ignored = /^(?:[\t-\r ]+|#[^\n]*\n?)/.exec(this.#in.rest)
    this.#in.at += ignored?.[0].length ?? 0
    return ignored !== null
  }

  #atom(source: string): void {
    this.#atomStart = this.#out.length
    this.#out += source
    this.#repeatable = ATOM
  }

  #assertion(source: string): void {
    this.#out += source
    this.#repeatable = NOTHING
  }

  /** The engine's own ignoring of case is not used: in parts of a pattern it goes wrong in V8 13, along with the `v` flag. */
  #literal(codePoint: number): void {
    const char = String.fromCodePoint(codePoint)
    if (this.#has(IGNORE_CASE) && /[A-Za-z]/.test(char)) this.#atom(`[${eitherCase(codePoint, codePoint)}]`)
    else this.#atom(/[$()*+./?[\\\]^{|}]/.test(char) ? `\\${char}` : char)
  }
}
