/**
 * Values as Erlang prints them (`~p`): RabbitMQ's error texts quote them so, and clients and scripts match on those
 * texts.
 */

/** `<<"text">>`; bytes that are not printable ASCII come out as `<<0,20>>`, other text as `<<"…"/utf8>>`. */
export function erlangBinary(value: string | Uint8Array): string {
  if (value.length === 0) return '<<>>'
  if (typeof value === 'string' && !/[\u0000-\u0007\u000e-\u001a\u001c-\u001f\u007f]/.test(value)) {
    return `<<"${escape(value)}"${/^[\u0000-\u007f]*$/.test(value) ? '' : '/utf8'}>>`
  }
  return `<<${[...Buffer.from(value)].join(',')}>>`
}

/** An Erlang float always shows its point. */
export const erlangFloat = (value: number): string => {
  const text = String(value)
  if (/^-?\d+$/.test(text)) return `${text}.0`
  return text.replace(/^(-?\d+)e\+?/, '$1.0e').replace('e+', 'e')
}

/** A value that came from JSON: objects are maps with sorted keys, as Erlang keeps them. */
export function erlangTerm(value: unknown): string {
  if (typeof value === 'string') return erlangBinary(value)
  if (typeof value === 'number') return Number.isInteger(value) ? String(BigInt(value)) : erlangFloat(value)
  if (Array.isArray(value)) return `[${value.map(erlangTerm).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    const pairs = sortedEntries(value).map(([key, item]) => `${erlangBinary(key)} => ${erlangTerm(item)}`)
    return `#{${pairs.join(',')}}`
  }
  return String(value)
}

/** `[{<<"key">>,5}]`: an object as the list of pairs that RabbitMQ keeps it as while it validates. */
export const erlangPairs = (value: object): string =>
  `[${sortedEntries(value)
    .map(([key, item]) => `{${erlangBinary(key)},${erlangTerm(item)}}`)
    .join(',')}]`

const sortedEntries = (value: object): [string, unknown][] =>
  Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '\u001b': '\\e',
}

const escape = (text: string): string => text.replace(/["\\\b\t\n\v\f\r\u001b]/g, (char) => ESCAPES[char]!)
