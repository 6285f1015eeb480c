import { type Problem, type QueueReport, type Report, SIDE_LOG } from './inspect.ts'

/** The report for people. */
export function renderReport(report: Report): string {
  const { directory, metadataFormat, checkpoint, queues, segments, tornBytes, problems } = report
  const proper = queues.filter(({ type }) => type !== SIDE_LOG)
  const messages = proper.reduce((sum, queue) => sum + queue.messages, 0)
  const bytes = proper.reduce((sum, queue) => sum + queue.bytes, 0)
  const lines = [
    `Data directory ${directory}`,
    `  metadata     ${metadataFormat === null ? 'missing' : `format ${metadataFormat}`}`,
    `  checkpoint   ${checkpoint === null ? 'none: the whole journal is read' : `of ${checkpoint.madeAt}; the journal is read from ${checkpoint.replayFrom}`}`,
    `  messages     ${messages} in ${proper.length} queues, ${sizeOf(bytes)} of bodies`,
    '',
    ...table(
      ['queue', 'vhost', 'type', 'messages', 'bytes', 'numbers', 'may have been delivered'],
      queues.map((queue) => [
        queue.queue ?? `(number ${queue.id}, not in the metadata)`,
        queue.vhost ?? '-',
        queue.type ?? '-',
        String(queue.messages),
        sizeOf(queue.bytes),
        queue.messages === 0 ? '-' : `${queue.first} to ${queue.last}`,
        delivered(queue),
      ]),
    ),
    '',
    ...table(
      ['file', 'size', 'live', 'live bytes', ''],
      segments.map(({ file, bytes: size, live, liveBytes, compacted }) => [
        file,
        sizeOf(size),
        String(live),
        sizeOf(liveBytes),
        compacted ? 'compacted' : '',
      ]),
    ),
    '',
  ]
  if (tornBytes > 0)
    lines.push(
      `The last write was cut short: ${tornBytes} bytes, of which nothing was confirmed, go at the next start.`,
    )
  if (problems.length === 0) lines.push('No damage found.')
  lines.push(...problems.map(problemLine))
  return `${lines.join('\n')}\n`
}

/** One line for people. */
export function problemLine({ file, offset, bytes, queues, reason }: Problem): string {
  const where = bytes > 0 ? `${file}, offset ${offset}, ${bytes} bytes` : file
  return `Damage: ${where}: ${reason}${queues.length === 0 ? '' : ` (${queues.join(', ')})`}`
}

const delivered = ({ messages, first, deliveredUpTo }: QueueReport): string =>
  messages === 0 || deliveredUpTo < first ? 'none' : `up to number ${deliveredUpTo}`

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)))
  return all.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join('  ')}`.trimEnd())
}

function sizeOf(bytes: number): string {
  if (bytes < 10_000) return `${bytes} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  let size = bytes / 1024
  let unit = 0
  for (; size >= 1024 && unit < units.length - 1; unit++) size /= 1024
  return `${size.toFixed(1)} ${units[unit]}`
}
