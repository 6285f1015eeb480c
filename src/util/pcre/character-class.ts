import type { PcreReader } from './reader.ts'
import { eitherCase, inSet, posixClass } from './sets.ts'

type ClassAtom = { readonly set: string } | { readonly codePoint: number }

const COLLATING = 'POSIX collating elements are not supported'

/** Translates the `[…]` at hand. @throws PatternError */
export function readCharacterClass(reader: PcreReader, ignoreCase: boolean): string {
  const posix = /^\[([:.=])[^\\\]]*?\1\]/.exec(reader.rest)
  if (posix !== null) {
    reader.fail(posix[1] === ':' ? 'POSIX named classes are supported only within a class' : COLLATING, reader.at)
  }
  reader.at++
  let out = '['
  while (reader.skipQuoteMark());
  if (!reader.quoted && reader.char === '^') {
    reader.at++
    out += '^'
  }
  for (let first = true; ; first = false) {
    while (reader.skipQuoteMark());
    if (reader.ended) failUnterminated(reader)
    if (!first && !reader.quoted && reader.char === ']') break
    out += readItem(reader, ignoreCase)
  }
  reader.at++
  return `${out}]`
}

/** A character, a range, or a set of its own. */
function readItem(reader: PcreReader, ignoreCase: boolean): string {
  const from = readAtom(reader, ignoreCase)
  if ('set' in from) return from.set
  const single = rangeOf(from.codePoint, from.codePoint, ignoreCase)
  while (reader.skipQuoteMark());
  if (reader.quoted || !/^-[^\]]/.test(reader.rest)) return single
  const hyphen = reader.at++
  while (reader.skipQuoteMark());
  if (reader.ended) failUnterminated(reader)
  if (!reader.quoted && reader.char === ']') return `${single}${inSet(0x2d)}`
  const to = readAtom(reader, ignoreCase)
  if ('set' in to) {
    reader.fail('invalid range in character class', hyphen + (reader.pattern[hyphen + 1] === '\\' ? 2 : 1))
  }
  if (to.codePoint < from.codePoint) reader.fail('range out of order in character class', reader.at - 1)
  return rangeOf(from.codePoint, to.codePoint, ignoreCase)
}

function readAtom(reader: PcreReader, ignoreCase: boolean): ClassAtom {
  if (reader.quoted) return { codePoint: reader.next() }
  const posix = /^\[([:.=])(\^?)([^\\\]]*?)\1\]/.exec(reader.rest)
  if (posix !== null) {
    if (posix[1] !== ':') reader.fail(COLLATING, reader.at)
    const set = posixClass(posix[3]!, posix[2] === '^', ignoreCase)
    if (set === null) reader.fail('unknown POSIX class name', reader.at + 2)
    reader.at += posix[0].length
    return { set }
  }
  if (reader.char !== '\\') return { codePoint: reader.next() }
  const letter = reader.pattern[reader.at + 1] ?? ''
  if (letter === 'b') {
    reader.at += 2
    return { codePoint: 8 }
  }
  if (letter === 'N') reader.fail('\\N is not supported in a class', reader.at + 1)
  const set = reader.classEscape(letter)
  return set === null ? { codePoint: reader.characterEscape() } : { set }
}

const rangeOf = (from: number, to: number, ignoreCase: boolean): string =>
  ignoreCase ? eitherCase(from, to) : from === to ? inSet(from) : `${inSet(from)}-${inSet(to)}`

const failUnterminated = (reader: PcreReader): never => reader.fail('missing terminating ] for character class')
