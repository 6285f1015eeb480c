import { inspect } from 'node:util'
import { isPromise } from 'node:util/types'
import { nearest } from '../util/nearest.ts'

/** Where a value stands: `startBroker`, `users[0].tags`. */
interface Place {
  readonly caller: string
  readonly path: string
}

/**
 * Looks at what a caller gave. The types say the same, but JavaScript and `any` do not ask them.
 * @throws TypeError where it is of the wrong kind or a key is not known, RangeError where only the value is wrong; both say what was
 * given and what may be
 */
export type Check = (given: unknown, place: Place) => void

/** Checks one value by itself. @throws as a Check */
export const checkValue = (caller: string, name: string, given: unknown, check: Check): void =>
  check(given, { caller, path: name })

const SHOWN_MAX = 60

function shown(given: unknown): string {
  if (given === undefined) return 'missing'
  if (isPromise(given)) return 'a promise (is there an await missing?)'
  const text = inspect(given, { depth: 0, breakLength: Infinity, maxStringLength: SHOWN_MAX })
  return text.length > SHOWN_MAX + 2 ? `${text.slice(0, SHOWN_MAX)}…` : text
}

export const problem = ({ caller, path }: Place, given: unknown, allowed: string): string =>
  `${caller}: '${path}' is ${shown(given)}: give ${allowed}`

/** A value for which `test` holds. @param allowed what to give instead, after "give" */
export const kind =
  (allowed: string, test: (given: unknown) => boolean): Check =>
  (given, place) => {
    if (!test(given)) throw new TypeError(problem(place, given, allowed))
  }

export const anyText = kind('a string', (given) => typeof given === 'string')

/** Names, routing keys and the like travel as short strings. */
export const SHORT_TEXT_BYTES_MAX = 255

export const shortText: Check = (given, place) => {
  anyText(given, place)
  if (Buffer.byteLength(given as string) > SHORT_TEXT_BYTES_MAX) {
    throw new RangeError(problem(place, given, `at most ${SHORT_TEXT_BYTES_MAX} bytes`))
  }
}

export const flag = kind('true or false', (given) => typeof given === 'boolean')
export const callable = kind('a function', (given) => typeof given === 'function')

/** @param what `the path of a folder` */
export const text =
  (what = 'a string'): Check =>
  (given, place) => {
    if (typeof given !== 'string') throw new TypeError(problem(place, given, what))
    if (given === '') throw new RangeError(problem(place, given, `${what} that is not empty`))
  }

export const wholeNumber =
  (min: number, max: number): Check =>
  (given, place) => {
    const allowed = `a whole number ${max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`}`
    if (typeof given !== 'number') throw new TypeError(problem(place, given, allowed))
    if (!Number.isInteger(given) || given < min || given > max) throw new RangeError(problem(place, given, allowed))
  }

export const quote = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')

export const oneOf =
  (names: readonly string[]): Check =>
  (given, place) => {
    if (typeof given === 'string' && names.includes(given)) return
    const near = typeof given === 'string' ? nearest(given, names) : null
    const hint = near === null ? '' : ` (did you mean '${near}'?)`
    const text = `${problem(place, given, `one of ${quote(names)}`)}${hint}`
    throw typeof given === 'string' ? new RangeError(text) : new TypeError(text)
  }

/** @param what `a list of names` */
export const list =
  (what: string, item: Check): Check =>
  (given, place) => {
    if (!Array.isArray(given)) throw new TypeError(problem(place, given, what))
    for (const [i, value] of given.entries()) item(value, { ...place, path: `${place.path}[${i}]` })
  }

export const isObject = (given: unknown): given is Record<string, unknown> =>
  typeof given === 'object' && given !== null && !Array.isArray(given)

export const within = (path: string, key: string): string => {
  if (path === '') return key
  return /^[\w$]+$/.test(key) ? `${path}.${key}` : `${path}['${key}']`
}

/** An object with keys of the caller's choice. @param what `an object of permissions by virtual host` */
export const mapOf =
  (what: string, item: Check): Check =>
  (given, place) => {
    if (!isObject(given)) throw new TypeError(problem(place, given, what))
    for (const [key, value] of Object.entries(given)) item(value, { ...place, path: within(place.path, key) })
  }

export const plainTable = kind('an object', isObject)

/** Checks for the keys of an object; what may be left out is `optional`. */
export type Fields = Readonly<Record<string, Check>>

/** An object with no other keys than these. */
export const fields =
  (known: Fields): Check =>
  (given, place) => {
    const names = Object.keys(known)
    if (!isObject(given)) throw new TypeError(problem(place, given, `an object with ${names.join(', ')}`))
    for (const key of Object.keys(given)) if (!Object.hasOwn(known, key)) throw unknownKey(key, names, place)
    for (const name of names) known[name]!(given[name], { ...place, path: within(place.path, name) })
  }

export function unknownKey(key: string, known: readonly string[], { caller, path }: Place): TypeError {
  const shortened = known.find((name) => name.startsWith(key) && /^[A-Z]/.test(name.slice(key.length)))
  const near = shortened ?? nearest(key, known)
  const hint = near === null ? `: there are ${known.join(', ')}` : ` (did you mean '${near}'?)`
  return new TypeError(`${caller}: unknown key '${within(path, key)}'${hint}`)
}

/** What is undefined counts as left out. */
export const optional =
  (check: Check): Check =>
  (given, place) => {
    if (given !== undefined) check(given, place)
  }

/** The keys of an object that may all be left out. */
export const optionalFields = (known: Fields): Check =>
  fields(Object.fromEntries(Object.entries(known).map(([name, check]) => [name, optional(check)])))
