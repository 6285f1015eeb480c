import type { ComponentChildren } from 'preact'
import './data-table.css'

export interface SimpleTableProps {
  readonly label: string
  readonly headers?: readonly string[]
  readonly rows: readonly (readonly ComponentChildren[])[]
  /** What tells the rows apart where they move: else what is open in one stays at its place. */
  readonly keys?: readonly (string | number)[]
  /** Columns from this one on, counted from 0, stand at the right. */
  readonly numbersFrom?: number
}

/** A few rows that need neither pages nor sorting. */
export function SimpleTable({ label, headers, rows, keys, numbersFrom = Infinity }: SimpleTableProps) {
  const classOf = (i: number): string => (i >= numbersFrom ? 'table-end' : 'table-start')
  return (
    <div class="table">
      <div class="table-scroll" role="region" aria-label={label} tabIndex={0}>
        <table>
          {headers !== undefined && (
            <thead>
              <tr>
                {headers.map((header, i) => (
                  <th key={header} scope="col" class={classOf(i)}>
                    {header}
                  </th>
                ))}
              </tr>
            </thead>
          )}
          <tbody>
            {rows.map((cells, row) => (
              <tr key={keys?.[row] ?? row}>
                {cells.map((cell, i) => (
                  <td key={i} class={classOf(i)}>
                    {cell}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
