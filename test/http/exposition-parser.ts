import assert from 'node:assert/strict'

export interface Sample {
  readonly name: string
  readonly labels: ReadonlyMap<string, string>
  readonly value: number
}

export interface MetricFamily {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: Sample[]
}

/** What metrics say, by the name of the family. */
export type Exposition = ReadonlyMap<string, MetricFamily>

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const TYPES: readonly string[] = ['counter', 'gauge', 'summary', 'histogram', 'untyped', 'unknown', 'info']
/** What the names of samples may have behind the family's. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  summary: ['', '_count', '_sum'],
  histogram: ['_bucket', '_count', '_sum'],
  counter: ['_total', '_created'],
  info: ['_info'],
}

/**
 * Reads Prometheus' text format, strictly: what its own parsers would refuse fails, and what they merely tolerate (samples of one
 * family in several places, a sample twice) as well.
 * @param openMetrics whether the text is in that format, where suffixes are not of a family's name, and the end has to be said
 */
export function parseExposition(text: string, openMetrics = false): Exposition {
  const families = new Map<string, MetricFamily>()
  const lines = text.split('\n')
  assert.equal(lines.pop(), '', 'the last line ends')
  if (openMetrics) assert.equal(lines.pop(), '# EOF')
  let current: MetricFamily | null = null
  let header: { name?: string; type?: string; help?: string } = {}
  const seen = new Set<string>()
  for (const line of lines) {
    const comment = /^# (TYPE|HELP) (\S+) (.*)$/.exec(line)
    if (comment !== null) {
      const [, kind, name, rest] = comment as unknown as [string, 'TYPE' | 'HELP', string, string]
      if (header.name !== name) header = { name }
      if (kind === 'TYPE') header.type = rest
      else header.help = unescape(rest)
      if (header.type === undefined || header.help === undefined) continue
      assert.ok(TYPES.includes(header.type), `${header.type} is a type`)
      assert.ok(!families.has(name), `${name} is in one place`)
      current = { name, type: header.type, help: header.help, samples: [] }
      families.set(name, current)
      continue
    }
    assert.ok(!line.startsWith('#') && line !== '', `a line that means something: ${line}`)
    const sample = parseSample(line)
    assert.ok(current !== null, `${sample.name} has a family`)
    assertNamed(sample.name, current, openMetrics)
    const identity = JSON.stringify([sample.name, [...sample.labels].map((pair) => pair.join('=')).toSorted()])
    assert.ok(!seen.has(identity), `${line} comes once`)
    seen.add(identity)
    current.samples.push(sample)
  }
  return families
}

function assertNamed(name: string, family: MetricFamily, openMetrics: boolean): void {
  const suffixes = openMetrics || family.type === 'summary' ? (SUFFIXES[family.type] ?? ['']) : ['']
  assert.ok(
    suffixes.some((suffix) => name === family.name + suffix),
    `${name} is of the family ${family.name}, a ${family.type}`,
  )
}

function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0]
  assert.ok(name !== undefined, `a name in ${line}`)
  let at = name.length
  const labels = new Map<string, string>()
  if (line[at] === '{') {
    at++
    while (line[at] !== '}') {
      if (labels.size > 0) assert.equal(line[at++], ',', line)
      const label = NAME.exec(line.slice(at))?.[0]
      assert.ok(label !== undefined && !labels.has(label), `a new label at ${at} of ${line}`)
      at += label.length
      assert.equal(line.slice(at, at + 2), '="', line)
      at += 2
      const end = endOfValue(line, at)
      labels.set(label, unescape(line.slice(at, end)))
      at = end + 1
    }
    at++
  }
  assert.equal(line[at], ' ', line)
  return { name, labels, value: numberOf(line.slice(at + 1)) }
}

/** Of the quote that ends it. */
function endOfValue(line: string, from: number): number {
  let at = from
  while (line[at] !== '"') {
    assert.ok(at < line.length, `the value ends: ${line}`)
    at += line[at] === '\\' ? 2 : 1
  }
  return at
}

const unescape = (text: string): string => text.replace(/\\(.)/g, (_all, char: string) => (char === 'n' ? '\n' : char))

function numberOf(text: string): number {
  const special: Readonly<Record<string, number>> = { NaN: Number.NaN, '+Inf': Infinity, '-Inf': -Infinity }
  const value = special[text] ?? Number(text)
  assert.ok(text in special || (text !== '' && Number.isFinite(value)), `'${text}' is a number`)
  return value
}

/** The value of the one sample that has these labels, among others. */
export function valueOf(exposition: Exposition, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const samples = [...exposition.values()].flatMap((family) => family.samples).filter((each) => each.name === name)
  const found = samples.filter((each) =>
    Object.entries(labels).every(([label, value]) => each.labels.get(label) === value),
  )
  assert.equal(found.length, 1, `one ${name} with ${JSON.stringify(labels)}, not ${found.length}`)
  return found[0]!.value
}
