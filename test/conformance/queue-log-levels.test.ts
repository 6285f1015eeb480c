import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type QueueLog, STATE_READY } from '../../src/store/message-store.ts'
import {
  TestContent,
  TestEntry,
  type Implementation,
  rowsOnDisk,
  implementations,
  put,
  load,
  recoveredCounts,
  numbersOf,
  count,
} from './queue-log-bench.ts'

// Messages of a queue get other levels in the store.

for (const [name, open] of Object.entries(implementations)) {
  describe(`queue log: ${name}`, () => {
    test('levels change, all at once and one by one, and are so after a crash', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      // more than the index may have in memory: some pages change on disk only
      const entries = count(1, 2400).map((number) => put(first.store, log, number, { level: number % 3 }))
      await first.settle()
      await rowsOnDisk(first.store, log)
      // known before the levels change, and written later
      entries[0]!.redelivered = true
      log.update(entries[0]!, STATE_READY, 0, 0)
      log.settle(entries[1]!)
      const safe = [4, 4, 2]
      for (const entry of entries) entry.level = safe[entry.level]!
      const late = new TestEntry(2401, new TestContent('late'), 4)
      first.store.adopt(late.message)
      log.enqueue(late)
      for (let i = 0; i < 2; i++) assert.ok(log.relevel(safe) > 0)
      entries[5]!.level = 7
      log.update(entries[5]!, STATE_READY, 0, 0)
      put(first.store, log, 2402, { level: 0 })
      await first.settle()
      const all = count(1, 2401).filter((number) => number !== 2 && number !== 6)
      const twos = all.filter((number) => number % 3 === 2 && number <= 2400)
      const fours = all.filter((number) => number % 3 !== 2 || number === 2401)
      const check = async (implementation: Implementation, queue: QueueLog): Promise<void> => {
        assert.deepEqual(numbersOf((await load(implementation, queue, { level: 2 })).found), twos)
        assert.deepEqual(numbersOf((await load(implementation, queue, { level: 4 })).found), fours)
        assert.deepEqual(numbersOf((await load(implementation, queue, { level: 7 })).found), [6])
        assert.deepEqual(numbersOf((await load(implementation, queue, { level: 0 })).found), [2402])
      }
      await check(first, log)
      const second = await first.crash()
      const again = second.store.queue(1)
      assert.deepEqual(recoveredCounts(again), { 0: 1, 2: twos.length, 4: fours.length, 7: 1 })
      await check(second, again)
    })

    test('what is dropped is what had the level then, although levels change before it is looked up', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      // more than the index may have in memory: rows have to be read for a drop
      for (const number of count(1, 2400)) put(first.store, log, number, { level: number % 3 })
      await first.settle()
      await rowsOnDisk(first.store, log)
      log.drop({ from: 10, to: 600, level: 0 })
      log.drop({ from: 700, to: 1000, level: 1 })
      log.relevel([1])
      const isDropped = (number: number): boolean =>
        (number % 3 === 0 && number >= 10 && number <= 600) || (number % 3 === 1 && number >= 700 && number <= 1000)
      const ones = count(1, 2400).filter((number) => number % 3 !== 2 && !isDropped(number))
      assert.deepEqual(numbersOf((await load(first, log, { level: 1 })).found), ones)
      await first.settle()
      const second = await first.crash()
      const again = second.store.queue(1)
      assert.deepEqual(recoveredCounts(again), { 1: ones.length, 2: 800 })
      assert.deepEqual(numbersOf((await load(second, again, { level: 1 })).found), ones)
    })

    test('levels change before what was recovered is asked for', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      for (const number of count(1, 30)) put(first.store, log, number, { level: number % 3 })
      await first.settle()
      const second = await first.crash()
      const again = second.store.queue(1)
      again.relevel([4, 4])
      assert.deepEqual(recoveredCounts(again), { 2: 10, 4: 20 })
      assert.equal((await load(second, again, { level: 4 })).found.length, 20)
    })
  })
}
