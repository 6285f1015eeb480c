import { BASE, brokersOf, type Row } from './summary.ts'

const COLORS: Readonly<Record<string, string>> = { warrenmq: '#0f766e', relay: '#94a3b8', lavinmq: '#b45309' }
const OTHER_COLOR = '#64748b'
const BAR = 12
const GAP = 14
const TOP = 40
const LEFT = 210
const WIDTH = 460
const RIGHT = 60

/**
 * The ratios to RabbitMQ as an SVG image: a bar for each broker and load, from 1 to its ratio, on a scale of powers, since
 * they go from a half to thirty.
 *
 * @throws Error without a ratio to draw.
 */
export function drawChart(rows: readonly Row[]): string {
  const names = brokersOf(rows).filter((name) => name !== BASE)
  const ratios = rows.flatMap(({ brokers }) => names.flatMap((name) => brokers.get(name)?.ratio?.median ?? []))
  if (ratios.length === 0) throw new Error('a chart needs RabbitMQ to compare with')
  const [low, high] = [Math.min(0.5, ...ratios), Math.max(2, ...ratios)]
  const scale = (ratio: number): number => LEFT + (WIDTH * Math.log(ratio / low)) / Math.log(high / low)
  const parts: string[] = []
  let y = TOP
  for (const { load, brokers } of rows) {
    const middle = y + (BAR * names.length) / 2 + 4
    parts.push(`<text x="${LEFT - 10}" y="${middle}" text-anchor="end">${escape(load.name)}</text>`)
    for (const name of names) {
      const ratio = brokers.get(name)?.ratio?.median
      if (ratio !== undefined) parts.push(...bar(name, y, scale(1), scale(ratio), ratio))
      y += BAR
    }
    y += GAP
  }
  const base = scale(1).toFixed(1)
  const line = `<line x1="${base}" x2="${base}" y1="30" y2="${y}" stroke="#64748b" stroke-dasharray="3 3"/>`
  return svg(LEFT + WIDTH + RIGHT, y + 10, [...legend(names), line, ...parts])
}

function bar(name: string, y: number, one: number, end: number, ratio: number): string[] {
  const [from, to] = [Math.min(one, end), Math.max(one, end)]
  const place = `x="${from.toFixed(1)}" y="${y}" width="${Math.max(1, to - from).toFixed(1)}" height="${BAR - 2}"`
  const title = `<title>${escape(name)}: ${ratio.toFixed(2)}</title>`
  return [
    `<rect ${place} fill="${colorOf(name)}">${title}</rect>`,
    `<text x="${(to + 5).toFixed(1)}" y="${y + BAR - 3}" font-size="10">${ratio.toFixed(1)}</text>`,
  ]
}

function legend(names: readonly string[]): string[] {
  return names.map((name, i) => {
    const x = LEFT + i * 110
    const square = `<rect x="${x}" y="8" width="12" height="12" fill="${colorOf(name)}"/>`
    return `${square}<text x="${x + 18}" y="18">${escape(name)}</text>`
  })
}

function svg(width: number, height: number, parts: readonly string[]): string {
  const title = '<title>Ratio to RabbitMQ in the same run, on a logarithmic scale: more is better</title>'
  const style = 'font-family="system-ui, sans-serif" font-size="12" style="background:#fff;fill:#0f172a"'
  const size = `viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" role="img" ${size} ${style}>\n${[title, ...parts].join('\n')}\n</svg>\n`
}

const colorOf = (name: string): string => COLORS[name] ?? OTHER_COLOR

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}
