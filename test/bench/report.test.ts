import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { drawChart } from '../../bench/macro/chart.ts'
import type { Run } from '../../bench/macro/compare.ts'
import { drawFigures } from '../../bench/macro/figures.ts'
import { LOADS, selectLoads } from '../../bench/macro/loads.ts'
import { spreadOf } from '../../bench/macro/statistics.ts'
import { brokersOf, summarize } from '../../bench/macro/summary.ts'
import { drawTable, replaceBetween } from '../../bench/macro/table.ts'

/** Runs of one load: for each broker its figures, round by round. */
function runsOf(load: string, figure: string, brokers: Record<string, readonly number[]>): Run[] {
  return Object.entries(brokers).flatMap(([broker, figures]) =>
    figures.map((value, round) => {
      const [key, part] = figure.split('.')
      return { load, broker, round, result: { [key!]: part === undefined ? value : { [part]: value } } }
    }),
  )
}

const throughput = runsOf('transient-16B', 'deliver_per_s', {
  warrenmq: [1000, 4000, 1500],
  relay: [2000, 8000, 2100],
  rabbitmq: [100, 200, 150],
})
const latency = runsOf('latency-5k/s', 'deliver_us.p99', { warrenmq: [500], rabbitmq: [2000] })

describe('spreads', () => {
  test('have the figure in the middle, the lowest and the highest', () => {
    assert.deepEqual(spreadOf([9, 1, 5]), { median: 5, low: 1, high: 9 })
    assert.deepEqual(spreadOf([10, 100, 2, 4]), { median: 7, low: 2, high: 100 })
    assert.throws(() => spreadOf([]), RangeError)
  })
})

describe('summaries of comparisons', () => {
  test('ratios are those of each round, so that a round that was slow for all does not count', () => {
    const [row] = summarize(throughput)
    assert.deepEqual(row!.brokers.get('warrenmq'), {
      figure: { median: 1500, low: 1000, high: 4000 },
      ratio: { median: 10, low: 10, high: 20 },
    })
    assert.deepEqual(row!.brokers.get('rabbitmq'), { figure: { median: 150, low: 100, high: 200 }, ratio: null })
    assert.deepEqual(brokersOf([row!]), ['warrenmq', 'relay', 'rabbitmq'])
  })

  test('of times the lower one is better', () => {
    const [row] = summarize(latency)
    assert.equal(row!.brokers.get('warrenmq')!.ratio!.median, 4)
  })

  test('a failed run is left out, and its round has no ratio', () => {
    const failed = throughput.map((run) =>
      run.broker === 'rabbitmq' && run.round > 0 ? { ...run, error: 'connection lost' } : run,
    )
    const [row] = summarize(failed)
    assert.deepEqual(row!.brokers.get('warrenmq')!.ratio, { median: 10, low: 10, high: 10 })
    assert.deepEqual(row!.brokers.get('rabbitmq')!.figure, { median: 100, low: 100, high: 100 })
  })

  test('a run without the figure of its load is an error, not a zero', () => {
    assert.throws(
      () => summarize([{ load: 'transient-16B', broker: 'x', round: 0, result: {} }]),
      /has no deliver_per_s/,
    )
  })

  test('rows come in the order of the table of loads, whatever the order of the runs', () => {
    const rows = summarize([...latency, ...throughput])
    assert.deepEqual(
      rows.map(({ load }) => load.name),
      ['transient-16B', 'latency-5k/s'],
    )
  })
})

describe('tables of comparisons', () => {
  test('show medians, spreads, ratios and goals', () => {
    assert.deepEqual(drawTable(summarize([...throughput, ...latency])).split('\n'), [
      '| load | warrenmq | ratio | relay | ratio | rabbitmq | goal |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| transient-16B | 1,500 (1,000 to 4,000) | 10.0 (10.0 to 20.0) | 2,100 (2,000 to 8,000) | 20.0 (14.0 to 40.0) | 150 (100 to 200) | 12 |',
      '| latency-5k/s, p99 in µs | 500 | 4.00 | - | - | 2,000 | 1 |',
    ])
  })

  test('without RabbitMQ there are no ratios', () => {
    const rows = summarize(throughput.filter(({ broker }) => broker !== 'rabbitmq'))
    assert.equal(drawTable(rows).split('\n')[0], '| load | warrenmq | relay |')
  })

  test('take the place between two markers, again and again', () => {
    const page = '# Speed\n\n<!-- bench: written by a program -->\nold\n<!-- bench end -->\n\nMore.\n'
    const once = replaceBetween(page, 'bench', 'new $& text')
    assert.equal(
      once,
      '# Speed\n\n<!-- bench: written by a program -->\n\nnew $& text\n\n<!-- bench end -->\n\nMore.\n',
    )
    assert.equal(replaceBetween(once, 'bench', 'new $& text'), once)
  })

  test('a page without markers, or with one alone, is left as it is', () => {
    for (const page of ['# Speed\n', '<!-- bench -->\n', '<!-- bench end -->\n<!-- bench -->\n']) {
      assert.throws(() => replaceBetween(page, 'bench', ''), /no markers for bench/)
    }
  })
})

describe('charts of comparisons', () => {
  test('have one bar for each ratio; bars below 1 go the other way', () => {
    const slower = runsOf('large-100KiB', 'deliver_per_s', { warrenmq: [50], rabbitmq: [100] })
    const chart = drawChart(summarize([...throughput, ...slower]))
    const bars = [...chart.matchAll(/<rect x="([\d.]+)" y="\d+" width="([\d.]+)"[^>]*><title>([^<]+)</g)]
    assert.deepEqual(
      bars.map(([, , , title]) => title),
      ['warrenmq: 10.00', 'relay: 20.00', 'warrenmq: 0.50'],
    )
    const one = Number(/<line x1="([\d.]+)"/.exec(chart)![1])
    const edges = bars.map(([, x, width]) => [Number(x), Number(x) + Number(width)])
    assert.equal(edges[0]![0], one)
    assert.ok(Math.abs(edges[2]![1]! - one) < 0.2, 'ends where the ratio is 1')
    assert.ok(edges[1]![1]! > edges[0]![1]!, 'the higher ratio has the longer bar')
  })

  test('names of brokers are text, whatever they are', () => {
    const runs = runsOf('transient-16B', 'deliver_per_s', { '<a&"b">': [2], rabbitmq: [1] })
    assert.match(drawChart(summarize(runs)), /&lt;a&amp;&quot;b&quot;>: 2\.00/)
  })

  test('without RabbitMQ there is nothing to draw', () => {
    assert.throws(() => drawChart(summarize(throughput.slice(0, 3))), /needs RabbitMQ/)
  })
})

describe('loads', () => {
  test('are all selected without names', () => assert.equal(selectLoads([]), LOADS))

  test('that empty what another one fills come together, whichever is named', () => {
    const pair = ['backlog-publish-1KiB', 'backlog-drain-1KiB']
    for (const name of pair)
      assert.deepEqual(
        selectLoads([name]).map((load) => load.name),
        pair,
      )
  })

  test('an unknown name lists the known ones', () => {
    assert.throws(() => selectLoads(['transient']), /no load is called transient; there are transient-16B, /)
  })
})

describe('lines of single figures', () => {
  test('have the ratio of the first broker to the last in each round', () => {
    const figures = new Map([
      ['warrenmq', [100, 900, 300]],
      ['rabbitmq', [10, 30, 20]],
    ])
    assert.equal(
      drawFigures([{ name: 'channel', lower: false, figures }], ['warrenmq', 'rabbitmq']),
      '| channel | 300 (100 to 900) | 20 (10 to 30) | 15.0 (10.0 to 30.0) |',
    )
    assert.equal(
      drawFigures([{ name: 'close_ms', lower: true, figures }], ['rabbitmq', 'warrenmq']),
      '| close_ms | 20 (10 to 30) | 300 (100 to 900) | 15.0 (10.0 to 30.0) |',
    )
  })

  test('have no ratio with one broker', () => {
    const figures = new Map([['warrenmq', [1234]]])
    assert.equal(drawFigures([{ name: 'queue', lower: false, figures }], ['warrenmq']), '| queue | 1,234 |')
  })
})
