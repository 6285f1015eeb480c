import { stripVTControlCharacters } from 'node:util'
import type { Terminal } from '../../terminal.ts'
import type { Row } from '../output.ts'
import { cellText } from './cell.ts'

/** A table in a frame, every row in a box of its own, as RabbitMQ draws it. */
export function prettyTable(
  columns: readonly string[],
  rows: readonly Row[],
  terminal: Pick<Terminal, 'bold'>,
): string {
  const lines = rows.map((row) => columns.map((name) => cellText(row[name])))
  const widths = columns.map((name, i) =>
    Math.max(displayWidth(name), ...lines.map((cells) => displayWidth(cells[i]!))),
  )
  const rule = (left: string, middle: string, right: string): string =>
    `${left}${widths.map((width) => '─'.repeat(width + 2)).join(middle)}${right}`
  const line = (cells: readonly string[]): string =>
    `│${cells.map((cell, i) => ` ${cell}${' '.repeat(widths[i]! - displayWidth(cell))} `).join('│')}│`
  const separator = rule('├', '┼', '┤')
  return [
    rule('┌', '┬', '┐'),
    line(columns.map((name) => terminal.bold(name))),
    ...lines.flatMap((cells) => [separator, line(cells)]),
    rule('└', '┴', '┘'),
  ].join('\n')
}

/** Columns that a terminal takes for a text: ideographs take two, combining marks none. */
function displayWidth(text: string): number {
  let width = 0
  for (const char of stripVTControlCharacters(text)) {
    if (/\p{Mark}/u.test(char)) continue
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]/u.test(char) ||
      char.codePointAt(0)! > 0x1f2ff
        ? 2
        : 1
  }
  return width
}
