/** `text` is Prometheus' own format, version 0.0.4; `openmetrics` is version 1.0.0 of its successor. */
export type Format = 'text' | 'openmetrics'

export type MetricType = 'counter' | 'gauge' | 'summary' | 'untyped'

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** @param accept the request's header: Prometheus prefers OpenMetrics, and takes the other */
export const formatFor = (accept: string | undefined): Format =>
  accept?.includes('application/openmetrics-text') === true ? 'openmetrics' : 'text'

/** The lines before the samples of a metric. */
export function header(name: string, type: MetricType, help: string, format: Format): string {
  const [family, shown] = format === 'text' ? [name, type] : openMetricsFamily(name, type)
  return `# TYPE ${family} ${shown}\n# HELP ${family} ${escapeHelp(help, format)}\n`
}

/** There, a suffix is not of the family's name, and those that have to have one are of no known type without. */
function openMetricsFamily(name: string, type: MetricType): [family: string, type: string] {
  if (name.endsWith('_info')) return [name.slice(0, -'_info'.length), 'info']
  if (type === 'counter') {
    return name.endsWith('_total') ? [name.slice(0, -'_total'.length), 'counter'] : [name, 'unknown']
  }
  return [name, type === 'untyped' ? 'unknown' : type]
}

/** @param labels as `labelsOf` makes them; '' for none */
export const sample = (name: string, labels: string, value: number): string =>
  labels === '' ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`

/** What ends an answer. */
export const trailer = (format: Format): string => (format === 'openmetrics' ? '# EOF\n' : '')

/** `a="b",c="d"`. */
export function labelsOf(labels: Readonly<Record<string, string>>): string {
  let text = ''
  for (const [name, value] of Object.entries(labels)) text += `${text === '' ? '' : ','}${label(name, value)}`
  return text
}

export const label = (name: string, value: string): string => `${name}="${escapeLabel(value)}"`

const SPECIAL = /[\\"\n]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' }

const escapeLabel = (value: string): string =>
  SPECIAL.test(value) ? value.replace(/[\\"\n]/g, (char) => ESCAPES[char]!) : value

function escapeHelp(text: string, format: Format): string {
  const escaped = text.replace(/[\\\n]/g, (char) => ESCAPES[char]!)
  return format === 'openmetrics' ? escaped.replaceAll('"', '\\"') : escaped
}

function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value)
  if (Number.isNaN(value)) return 'NaN'
  return value > 0 ? '+Inf' : '-Inf'
}
