import type { Cell } from './format/cell.ts'

/** The result of a command: how it looks is up to the formatter. */
export type Output = TextOutput | TableOutput

export interface TextOutput {
  readonly kind: 'text'
  readonly text: string
  /** The same for `--formatter json`; `{"message": text}` where left out. */
  readonly json?: unknown
}

export type Row = Readonly<Record<string, Cell>>

export interface TableOutput {
  readonly kind: 'table'
  readonly columns: readonly string[]
  readonly rows: readonly Row[]
  /** How it is shown unless another form is asked for; tab-separated where left out. */
  readonly shape?: 'table' | 'pretty_table' | 'erlang_maps'
  /** `--formatter json` in place of the list of rows. */
  readonly json?: unknown
  /** The same as lines of text, where that is how it is shown. */
  readonly text?: string
}

export function text(lines: string | readonly string[], json?: unknown): TextOutput {
  return {
    kind: 'text',
    text: typeof lines === 'string' ? lines : lines.join('\n'),
    ...(json !== undefined && { json }),
  }
}

export function table(columns: readonly string[], rows: readonly Row[]): TableOutput {
  return { kind: 'table', columns, rows }
}
