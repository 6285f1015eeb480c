import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Collector, MemoryGauge, type MemoryReading } from '../../src/telemetry/memory-gauge.ts'

/** In MB: what the process holds, and of that V8's heap and buffers. */
const reading = (rss: number, heap: number, buffers: number): MemoryReading => ({
  rss: rss * 1e6,
  heapTotal: heap * 1e6,
  arrayBuffers: buffers * 1e6,
})

test('memory is too much when the process is larger than the limit, and enough when buffers have been freed', () => {
  const gauge = new MemoryGauge(300e6, reading(100, 20, 5))
  assert.equal(gauge.exceeds(reading(100, 20, 5)), false)
  assert.equal(gauge.exceeds(reading(299, 20, 204)), false)
  assert.equal(gauge.exceeds(reading(310, 20, 215)), true)
  assert.equal(gauge.exceeds(reading(310, 20, 206)), true, 'what was freed is little')
  assert.equal(gauge.exceeds(reading(308, 20, 30)), false, 'the C library keeps what was freed')
  assert.equal(gauge.exceeds(reading(309, 20, 190)), false, 'and uses it again')
  assert.equal(gauge.exceeds(reading(311, 20, 216)), true)
})

test('a limit below what the process needs anyway is always exceeded', () => {
  const gauge = new MemoryGauge(1e6, reading(100, 20, 5))
  assert.equal(gauge.exceeds(reading(100, 20, 5)), true)
})

test('publishers are not held for memory that lies idle for good', () => {
  const gauge = new MemoryGauge(300e6, reading(100, 20, 5))
  assert.equal(gauge.exceeds(reading(310, 20, 215)), true, 'a flood in buffers')
  assert.equal(
    gauge.exceeds(reading(450, 150, 20)),
    true,
    'then one on the heap, with the rest of the first lying idle',
  )
  assert.equal(gauge.exceeds(reading(305, 20, 20)), false, 'all is consumed: waiting gains nothing')
})

test('garbage is collected while memory is low, ever more rarely while that gains nothing', () => {
  let collections = 0
  const collector = new Collector(() => collections++)
  const full = reading(300, 200, 0)
  /** At which times, in seconds, it collects until `to`. */
  const run = (from: number, to: number, at: MemoryReading): number[] => {
    const times: number[] = []
    for (let now = from; now < to; now += 250) {
      const before = collections
      collector.onLow(now, at)
      if (collections > before) times.push(now / 1000)
    }
    return times
  }
  assert.deepEqual(run(0, 60_000, full), [1, 3, 7, 15, 31, 47])
  assert.deepEqual(run(60_000, 66_000, reading(300, 100, 0)), [63, 64])
  collector.onEnough()
  assert.deepEqual(run(100_000, 104_000, full), [101, 103])
})
