import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Exposition, parseExposition } from './exposition-parser.ts'
import { startApi } from './support.ts'

// Dashboard and documentation name metrics: here they say so when these are called otherwise.

const read = (path: string): string => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8')

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: Readonly<Record<'x' | 'y' | 'w' | 'h', number>>
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[]
}

interface Dashboard {
  readonly uid: string
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] }
}

const dashboard = JSON.parse(read('grafana/warrenmq.json')) as Dashboard
const METRIC = /\b(?:rabbitmq|warren)_[a-z0-9_]+/g

/** The families that are scraped for queues, as the documentation has it. */
const FAMILIES = /params: \{ family: \[([^\]]+)\] \}/.exec(read('monitoring.md'))![1]!.split(', ')
const DETAILED = FAMILIES.map((family) => `family=${family}`).join('&')

/** What a broker shows that has a little of everything, at the addresses that the documentation tells to scrape. */
async function everything(): Promise<Exposition> {
  const { bench, request } = await startApi()
  const client = bench.client()
  client.declare('q')
  client.declare('later', { 'x-delayed-message': true })
  client.exchange('later', 'x-delayed-message', { 'x-delayed-type': 'fanout' })
  client.publish('q', 'x')
  const pages = ['', `/detailed?${DETAILED}`].map(async (path) => {
    const answer = await request('GET', `/metrics${path}`)
    assert.equal(answer.statusCode, 200)
    return [...parseExposition(answer.body)]
  })
  return new Map((await Promise.all(pages)).flat())
}

/** What the dashboard RabbitMQ-Overview asks for: deps/rabbitmq_prometheus/docker/grafana in RabbitMQ's repository, version 20210322. */
const OVERVIEW: Readonly<Record<string, readonly string[]>> = {
  channel: ['consumers', 'get_ack_total', 'get_empty_total', 'get_total'],
  channel_messages: [
    'acked_total',
    'confirmed_total',
    'delivered_ack_total',
    'delivered_total',
    'published_total',
    'redelivered_total',
    'unconfirmed',
    'unroutable_dropped_total',
    'unroutable_returned_total',
  ],
  channels: ['closed_total', 'opened_total'],
  connections: ['closed_total', 'opened_total'],
  queues: ['created_total', 'declared_total', 'deleted_total'],
  queue_messages: ['published_total', 'ready', 'unacked'],
  process: ['max_fds', 'max_tcp_sockets', 'open_fds', 'open_tcp_sockets', 'resident_memory_bytes'],
  disk_space: ['available_bytes'],
  resident_memory: ['limit_bytes'],
}

const expressions = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))

describe('the dashboard', () => {
  test('asks for metrics that there are, and for rates of those that only rise', async () => {
    const metrics = await everything()
    assert.ok(expressions.length > 50)
    const wrong: string[] = []
    for (const { title, expr } of expressions) {
      const names = expr.match(METRIC) ?? []
      if (names.length === 0) wrong.push(`${title}: no metric in ${expr}`)
      for (const name of names) {
        const type = metrics.get(name)?.type
        const isRate = new RegExp(`(?:rate|increase)\\(${name}\\{[^}]*\\}\\[\\$__rate_interval\\]\\)`).test(expr)
        if (type === undefined) wrong.push(`${title}: there is no ${name}`)
        else if ((type === 'counter') !== isRate) wrong.push(`${title}: ${name} is a ${type}`)
      }
    }
    assert.deepEqual(wrong, [])
  })

  test('asks with variables that it has, from metrics that there are', async () => {
    const metrics = await everything()
    const { list } = dashboard.templating
    const names = list.map(({ name }) => name)
    for (const text of [...expressions.map(({ expr }) => expr), ...list.map(({ definition = '' }) => definition)]) {
      for (const [, name] of text.matchAll(/\$(?!__)(\w+)/g)) assert.ok(names.includes(name!), `${name}: ${text}`)
      const brackets = [...text].reduce(
        (open, char) => open + ('({['.includes(char) ? 1 : ')}]'.includes(char) ? -1 : 0),
        0,
      )
      assert.equal(brackets, 0, text)
    }
    const asked = list.flatMap(({ definition = '' }) => definition.match(METRIC) ?? [])
    assert.equal(asked.length, 3)
    for (const name of asked) assert.ok(metrics.has(name), name)
  })

  test('has panels beside each other, each with an id and a title of its own', () => {
    const { panels } = dashboard
    assert.deepEqual(
      panels.filter(({ type }) => type === 'row').map(({ title }) => title),
      ['Overview', 'Queues', 'Node', 'Journal'],
    )
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    const titles = panels.filter(({ type }) => type !== 'row').map(({ title }) => title)
    assert.equal(new Set(titles).size, titles.length)
    const taken = new Set<string>()
    for (const { title, gridPos } of panels) {
      assert.ok(gridPos.x >= 0 && gridPos.x + gridPos.w <= 24, title)
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          assert.ok(!taken.has(`${x} ${y}`), `${title} lies over another one`)
          taken.add(`${x} ${y}`)
        }
      }
    }
  })
})

test("RabbitMQ's overview has data for every panel", async () => {
  const metrics = await everything()
  const parts = Object.entries(OVERVIEW).flatMap(([stem, names]) => names.map((name) => `${stem}_${name}`))
  const asked = [...parts, 'channels', 'connections', 'queues', 'build_info', 'identity_info']
  const missing = asked.filter((name) => (metrics.get(`rabbitmq_${name}`)?.samples.length ?? 0) === 0)
  assert.deepEqual(missing, [])
  const [identity] = metrics.get('rabbitmq_identity_info')!.samples
  for (const label of ['rabbitmq_node', 'rabbitmq_cluster']) assert.ok(identity!.labels.has(label), label)
})

describe('the documentation of metrics', () => {
  test('has all of our own, with their types, and no others', async () => {
    const shown = [...(await everything())].filter(([name]) => name.startsWith('warren_'))
    const rows = [...read('monitoring.md').matchAll(/^\| `(warren_[a-z0-9_]+)(?:\{[^}]*\})?` \| (\w+) \|/gm)]
    assert.deepEqual(
      rows.map(([, name, type]) => `${name} ${type}`).toSorted(),
      shown.map(([name, { type }]) => `${name} ${type}`).toSorted(),
    )
  })
})
