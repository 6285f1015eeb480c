import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Cost, measureCosts } from '../../bench/memory/costs.ts'
import { MeasuredBroker } from '../../bench/memory/measured-broker.ts'

const PERFORMANCE = new URL('../../docs/performance.md', import.meta.url)
/** Enough that what is made once, such as pools of buffers, is little for each. */
const COUNTS = {
  connections: 500,
  channels: 2000,
  queues: 2000,
  consumers: 2000,
  bindings: 2000,
  mqttConnections: 500,
  messages: 10_000,
}
const KINDS = [
  'connection',
  'channel',
  'durable queue',
  'binding',
  'consumer',
  'MQTT connection',
  'MQTT subscription',
  'transient message',
  'persistent message',
] as const

/** The rows of the table of budgets in docs/performance.md: bytes alive, by what one more is of. */
function readBudgets(): Map<string, number> {
  const rows = readFileSync(PERFORMANCE, 'utf8').matchAll(/^\| one more (.+?) \| [\d,]+ \| ([\d,]+) \|/gm)
  return new Map([...rows].map(([, name, budget]) => [name!, Number(budget!.replaceAll(',', ''))]))
}

describe('what one more of each thing holds, alive on the heap and in buffers, with a data directory', () => {
  const budgets = readBudgets()
  let costs: Cost[] = []

  const directory = mkdtempSync(join(tmpdir(), 'warren-budget-'))

  before(async () => {
    await using broker = await MeasuredBroker.start(['--data-dir', directory])
    costs = await measureCosts(broker, COUNTS)
  })

  after(() => rmSync(directory, { recursive: true }))

  test('each has a budget in docs/performance.md, and nothing else has', () => {
    assert.deepEqual([...budgets.keys()], KINDS)
    assert.deepEqual(
      costs.map(({ name }) => name),
      KINDS,
    )
  })

  for (const kind of KINDS) {
    test(`a ${kind} is within its budget`, () => {
      const { live } = costs.find(({ name }) => name === kind)!
      const budget = budgets.get(kind)!
      assert.ok(live <= budget, `${live} bytes of ${budget}`)
      // what is far below was not measured, or has a budget that holds nothing
      assert.ok(live >= budget / 3, `${live} bytes of ${budget}`)
    })
  }
})
