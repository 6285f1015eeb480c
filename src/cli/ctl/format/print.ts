import type { Terminal } from '../../terminal.ts'
import { CliError } from '../../errors.ts'
import { EXIT } from '../../exit-codes.ts'
import type { Output, TableOutput } from '../output.ts'
import { cellJson, cellText } from './cell.ts'
import { erlangMaps, erlangRows, erlangTerm } from './erlang.ts'
import { prettyTable } from './pretty-table.ts'

export const FORMATTERS = ['table', 'pretty_table', 'json', 'csv', 'erlang'] as const
export type Formatter = (typeof FORMATTERS)[number]

/** Of these, programs read the output: nothing is said beside the result. */
export const isForMachines = (formatter: Formatter | null): boolean => formatter === 'json' || formatter === 'csv'

export interface PrintOptions {
  /** Null is what the command prefers. */
  readonly formatter: Formatter | null
  readonly headers: boolean
}

export function print(output: Output, options: PrintOptions, terminal: Terminal): void {
  if (output.kind === 'table') return printTable(output, options, terminal)
  switch (options.formatter) {
    case 'json':
      return terminal.print(JSON.stringify(output.json ?? { message: output.text }))
    case 'erlang':
      return terminal.print(erlangTerm(output.json ?? output.text))
    case 'csv':
      if (output.json === undefined) return terminal.print(csvLine([output.text]))
      return printRecord(output.json, terminal)
    default:
      return terminal.print(output.text)
  }
}

function printTable(output: TableOutput, { formatter, headers }: PrintOptions, terminal: Terminal): void {
  const { columns, rows } = output
  switch (formatter ?? (output.text === undefined ? (output.shape ?? 'table') : 'text')) {
    case 'text':
      return terminal.print(output.text!)
    case 'json':
      if (output.json !== undefined) return terminal.print(JSON.stringify(output.json))
      terminal.print('[')
      for (const [i, row] of rows.entries()) {
        const record = Object.fromEntries(columns.map((name) => [name, cellJson(row[name])]))
        terminal.print(`${i === 0 ? '' : ','}${JSON.stringify(record)}`)
      }
      return terminal.print(']')
    case 'csv':
      if (rows.length > 0) terminal.print(csvLine(columns))
      for (const row of rows) terminal.print(csvLine(columns.map((name) => cellText(row[name]))))
      return
    case 'pretty_table':
      if (rows.length > 0) terminal.print(prettyTable(columns, rows, terminal))
      return
    case 'erlang':
      return terminal.print(erlangRows(columns, rows))
    case 'erlang_maps':
      return terminal.print(erlangMaps(columns, rows))
    default:
      if (rows.length > 0 && headers) terminal.print(columns.join('\t'))
      for (const row of rows) terminal.print(columns.map((name) => cellText(row[name])).join('\t'))
  }
}

/** One object as a line of its keys and one of its values, what is nested with a dot. */
function printRecord(json: unknown, terminal: Terminal): void {
  if (typeof json !== 'object' || json === null)
    throw new CliError(EXIT.software, 'there is no CSV form of this result')
  const fields = [...flatten('', json)]
  terminal.print(csvLine(fields.map(([key]) => key)))
  terminal.print(csvLine(fields.map(([, value]) => value)))
}

function* flatten(prefix: string, value: object): Generator<[key: string, value: string]> {
  for (const [key, item] of Object.entries(value) as [string, unknown][]) {
    if (typeof item === 'object' && item !== null) yield* flatten(`${prefix}${key}.`, item)
    else yield [`${prefix}${key}`, item === null || item === undefined ? '' : String(item)]
  }
}

const csvLine = (values: readonly string[]): string =>
  values.map((value) => `"${value.replaceAll('"', '""')}"`).join(',')
