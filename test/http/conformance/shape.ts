/** What differs in keys and types, recursively; the paths are those of the first one. */
export function differencesInShape(ours: unknown, theirs: unknown, path = ''): string[] {
  if (isEmpty(ours) && isEmpty(theirs)) return []
  if (Array.isArray(ours) && Array.isArray(theirs)) return differencesInLists(ours, theirs, path)
  if (isObject(ours) && isObject(theirs)) return differencesInObjects(ours, theirs, path)
  const [mine, other] = [typeOf(ours), typeOf(theirs)]
  return mine === other ? [] : [`${path} is ${mine}, in RabbitMQ ${other}`]
}

/** Erlang has one word for an empty list and an empty object. */
const isEmpty = (value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0

/** Every element is compared with those of the other list taken together. */
function differencesInLists(ours: readonly unknown[], theirs: readonly unknown[], path: string): string[] {
  if (ours.length === 0 || theirs.length === 0) return []
  return differencesInShape(merge(ours), merge(theirs), `${path}[]`)
}

function merge(items: readonly unknown[]): unknown {
  if (!items.every(isObject)) return items[0]
  const merged: Record<string, unknown> = {}
  for (const key of new Set(items.flatMap(Object.keys))) {
    const values = items.filter((item) => Object.hasOwn(item, key)).map((item) => item[key])
    merged[key] = values.every(isObject) ? merge(values) : (values.find((value) => !isEmpty(value)) ?? values[0])
  }
  return merged
}

/** Objects whose keys are names. */
const OPEN = /(^|\.)cluster_state$/

function differencesInObjects(ours: Record<string, unknown>, theirs: Record<string, unknown>, path: string): string[] {
  if (OPEN.test(path)) return differencesInLists(Object.values(ours), Object.values(theirs), path)
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((key) => {
    const at = path === '' ? key : `${path}.${key}`
    if (!Object.hasOwn(ours, key)) return [`${at} is missing`]
    if (!Object.hasOwn(theirs, key)) return [`${at} is not in RabbitMQ`]
    return differencesInShape(ours[key], theirs[key], at)
  })
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const typeOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)
