import type { Row } from '../output.ts'
import { AmqpTable, Atom, NodeStates, type Cell } from './cell.ts'

/** Rows as a list of property lists: `[[{name,<<"q">>},{messages,0}]]`. */
export function erlangRows(columns: readonly string[], rows: readonly Row[]): string {
  const terms = rows.map(
    (row) => `[${columns.map((name) => `{${erlangAtom(name)},${erlangCell(row[name])}}`).join(',')}]`,
  )
  return `[${terms.join(',\n ')}]`
}

/** Rows as a list of maps: `[#{name => <<"q">>,messages => 0}]`. What a row does not have is left out. */
export function erlangMaps(columns: readonly string[], rows: readonly Row[]): string {
  const terms = rows.map((row) => {
    const given = columns.filter((name) => row[name] !== undefined)
    return `#{${given.map((name) => `${erlangAtom(name)} => ${erlangCell(row[name])}`).join(',')}}`
  })
  return `[${terms.join(',\n ')}]`
}

/** Any JSON as maps, lists and binaries. */
export function erlangTerm(value: unknown): string {
  if (value === null || value === undefined) return 'undefined'
  if (typeof value === 'string') return binary(value)
  if (Array.isArray(value)) return `[${value.map(erlangTerm).join(',')}]`
  if (typeof value !== 'object') return String(value)
  return `#{${Object.entries(value)
    .map(([key, item]) => `${erlangAtom(key)} => ${erlangTerm(item)}`)
    .join(',')}}`
}

export function erlangCell(cell: Cell): string {
  if (cell === null || cell === undefined) return "''"
  if (cell instanceof Atom) return erlangAtom(cell.name)
  if (cell instanceof AmqpTable) return amqpTerm(cell.fields)
  if (cell instanceof NodeStates) {
    const pairs = Object.entries(cell.states).map(([node, state]) => `{${erlangAtom(node)},${erlangAtom(state)}}`)
    return `[${pairs.join(',')}]`
  }
  if (typeof cell === 'object') return `[${cell.map(erlangCell).join(',')}]`
  return erlangTerm(cell)
}

function amqpTerm(fields: object): string {
  const entries = Object.entries(fields).map(([key, value]) => `{${binary(key)},${typedTerm(value)}}`)
  return `[${entries.join(',')}]`
}

/** JSON has lost which kind of integer it was: they are all `long`. */
function typedTerm(value: unknown): string {
  if (value === null || value === undefined) return 'void,undefined'
  if (typeof value === 'string') return `longstr,${binary(value)}`
  if (typeof value === 'boolean') return `bool,${value}`
  if (typeof value === 'number') return Number.isInteger(value) ? `long,${value}` : `double,${value}`
  if (Array.isArray(value)) return `array,[${value.map((item) => `{${typedTerm(item)}}`).join(',')}]`
  return `table,${amqpTerm(value)}`
}

function erlangAtom(name: string): string {
  return /^[a-z][\w@]*$/.test(name) ? name : `'${name.replaceAll(/['\\]/g, '\\$&')}'`
}

function binary(text: string): string {
  if (text === '') return '<<>>'
  const escaped = text.replaceAll(/["\\]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\t', '\\t')
  return /[^\u0000-\u00ff]/.test(text) ? `<<"${escaped}"/utf8>>` : `<<"${escaped}">>`
}
