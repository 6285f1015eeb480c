import { isAnyArrayBuffer, isDate, isMap, isPromise, isSet } from 'node:util/types'
import { DEPTH_MAX } from '../core/fields-json.ts'
import { type Check, isObject, kind, plainTable, problem, SHORT_TEXT_BYTES_MAX, within } from './checks.ts'

export const isValidDate = (given: unknown): boolean => isDate(given) && !Number.isNaN(given.getTime())

/** Of these an object has no keys, or numbers by index: a promise was not awaited, and the others are no bytes yet. */
export const isLostAsObject = (given: unknown): boolean =>
  isPromise(given) ||
  isMap(given) ||
  isSet(given) ||
  isAnyArrayBuffer(given) ||
  (ArrayBuffer.isView(given) && !(given instanceof Uint8Array))

const isValue = (given: unknown): boolean => {
  if (isDate(given)) return isValidDate(given)
  return ['string', 'number', 'bigint', 'boolean', 'object'].includes(typeof given) && !isLostAsObject(given)
}

const value = kind(
  'a string, a number, a bigint, true or false, null, a Date, a Buffer, an array, or an object',
  isValue,
)

/** An object that can be sent as arguments or headers. What is undefined counts as left out, and what refers to itself is too deep. */
export const fieldTable: Check = (given, place) => {
  plainTable(given, place)
  if (levelsOf(given, DEPTH_MAX + 1) > DEPTH_MAX) {
    throw new RangeError(problem(place, given, `at most ${DEPTH_MAX} levels, none of them within itself`))
  }
  values(given, place)
}

const hasValues = (given: unknown): given is object =>
  Array.isArray(given) || (isObject(given) && !(given instanceof Uint8Array))

function levelsOf(given: unknown, max: number): number {
  if (!hasValues(given) || max === 0) return 0
  let deepest = 0
  for (const child of Object.values(given)) {
    deepest = Math.max(deepest, levelsOf(child, max - 1))
    if (deepest === max - 1) break
  }
  return deepest + 1
}

const values: Check = (given, place) => {
  const list = Array.isArray(given)
  for (const [key, item] of Object.entries(given as object)) {
    if (!list && item === undefined) continue
    if (Buffer.byteLength(key) > SHORT_TEXT_BYTES_MAX) {
      throw new RangeError(problem(place, given, `keys of at most ${SHORT_TEXT_BYTES_MAX} bytes`))
    }
    const at = { ...place, path: list ? `${place.path}[${key}]` : within(place.path, key) }
    value(item, at)
    if (hasValues(item)) values(item, at)
  }
}
