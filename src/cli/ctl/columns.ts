import type { Cell } from './format/cell.ts'
import type { Row } from './output.ts'

/** How columns come from what the API answers; a column without an entry has the API's name and value. */
export type ColumnValues<T> = Readonly<Record<string, (item: T) => Cell>>

export function toRows<T extends object>(
  items: readonly T[],
  columns: readonly string[],
  values: ColumnValues<T>,
): Row[] {
  return items.map((item) => Object.fromEntries(columns.map((name) => [name, columnValue(item, name, values)])))
}

function columnValue<T extends object>(item: T, name: string, values: ColumnValues<T>): Cell {
  const own = values[name]
  return own === undefined ? (item as Readonly<Record<string, Cell>>)[name] : own(item)
}
