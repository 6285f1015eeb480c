/**
 * The keys and types of a JSON value, as JSON: `"number"`, `"null,string"`, `[shape of all items together]`, `{"key": shape}`.
 */
export type Shape = string | readonly Shape[] | { readonly [key: string]: Shape }

const isObject = (value: unknown): value is Readonly<Record<string, Shape>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function shapeOf(value: unknown): Shape {
  if (Array.isArray(value)) return value.length === 0 ? [] : [value.map(shapeOf).reduce(merge)]
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : typeof value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, shapeOf(item)]))
}

function merge(a: Shape, b: Shape): Shape {
  if (typeof a === 'string' && typeof b === 'string') {
    return [...new Set([...a.split(','), ...b.split(',')])].toSorted().join()
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === 0 || b.length === 0 ? [...a, ...b] : [merge(a[0], b[0])]
  if (!isObject(a) || !isObject(b)) return b
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  return Object.fromEntries(
    keys.map((key) => [key, key in a && key in b ? merge(a[key]!, b[key]!) : (a[key] ?? b[key]!)]),
  )
}

/**
 * What `theirs` has and `ours` has not, or has otherwise, as `path: what`. Null goes with everything, and an empty list with an object,
 * of which Erlang has no empty one.
 * @param leftOut paths that need not be there; with them goes what is below. Keys are joined by dots, `*` stands for any one key
 */
export function differences(theirs: Shape, ours: Shape | undefined, leftOut: readonly string[], path = ''): string[] {
  if (leftOut.some((pattern) => matches(pattern, path))) return []
  if (ours === undefined) return [`${path}: missing here`]
  if (theirs === 'null' || ours === 'null') return []
  if (Array.isArray(theirs) && theirs.length === 0) return []
  if (Array.isArray(ours) && ours.length === 0) return []
  if (typeof theirs === 'string' && typeof ours === 'string') {
    const strange = ours.split(',').filter((type) => type !== 'null' && !theirs.split(',').includes(type))
    return strange.length === 0 ? [] : [`${path}: ${theirs} there, ${ours} here`]
  }
  if (Array.isArray(theirs) && Array.isArray(ours)) return differences(theirs[0], ours[0], leftOut, path)
  if (!isObject(theirs) || !isObject(ours)) return [`${path}: ${kindOf(theirs)} there, ${kindOf(ours)} here`]
  return Object.entries(theirs).flatMap(([key, shape]) =>
    differences(shape, ours[key], leftOut, path === '' ? key : `${path}.${key}`),
  )
}

const kindOf = (shape: Shape): string =>
  typeof shape === 'string' ? shape : Array.isArray(shape) ? 'a list' : 'an object'

function matches(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('.'), path.split('.')]
  return wanted.length === given.length && wanted.every((key, i) => key === '*' || key === given[i])
}
