import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { MemoryMessageStore } from '../../src/store/memory/memory-message-store.ts'
import {
  BEING_SPILLED,
  type MessageStore,
  type QueueLog,
  STATE_DYING,
  STATE_HELD,
  STATE_READY,
  STATE_RETURNED,
} from '../../src/store/message-store.ts'
import {
  ALL,
  TestContent,
  TestEntry,
  type Implementation,
  implementations,
  put,
  read,
  load,
  loadLast,
  collectExpiring,
  numbersOf,
  count,
} from './queue-log-bench.ts'

// What every store does with the records of queues; the memory store, which keeps none, in its own way.

test('message store: memory records nothing, and is committed at once', () => {
  const store = new MemoryMessageStore()
  const log: QueueLog = (store as MessageStore).queue(1)
  const entry = put(store, log, 1)
  assert.deepEqual([store.durable, store.spills, entry.message.position, store.committed], [false, false, 0, 0])
  store.begin()
  assert.equal(store.end(), 0)
  assert.deepEqual([log.lastNumber, log.recovered(), store.highestQueueId], [0, [], 0])
})

for (const [name, open] of Object.entries(implementations)) {
  describe(`queue log: ${name}`, () => {
    test('positions rise, and what is committed comes back after a crash, once and in order', async (t) => {
      const first = await open(t)
      const log = first.store.queue(7)
      const entries = count(1, 2000).map((number) => put(first.store, log, number))
      const positions = entries.map(({ message }) => message.position)
      assert.deepEqual(
        positions,
        positions.toSorted((a, b) => a - b),
      )
      await first.settle()
      assert.ok(first.store.committed >= positions.at(-1)!)
      assert.ok(entries.every((entry) => log.isStored(entry)))
      const second = await first.crash()
      assert.equal(second.store.highestQueueId, 7)
      const again = second.store.queue(7)
      assert.ok(again.lastNumber >= 2000)
      const [level] = again.recovered()
      assert.deepEqual([level!.count, level!.level], [2000, 0])
      const { found } = await load(second, again)
      assert.deepEqual(numbersOf(found), count(1, 2000))
      assert.equal(found[41]!.text, 'headmessage 42')
    })

    test('what is settled is gone: before it was written, after, and after a restart', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const early = put(first.store, log, 1)
      const late = put(first.store, log, 2)
      put(first.store, log, 3)
      log.settle(early)
      await first.settle()
      log.settle(late)
      assert.deepEqual(numbersOf((await load(first, log)).found), [3])
      await first.settle()
      put(first.store, log, 4)
      await first.settle()
      const second = await first.crash()
      const again = second.store.queue(1)
      const { found, entries } = await load(second, again)
      assert.deepEqual(numbersOf(found), [3, 4])
      again.settle(entries[0]!)
      await second.settle()
      put(second.store, again, 5)
      await second.settle()
      const third = await second.crash()
      assert.deepEqual(numbersOf((await load(third, third.store.queue(1))).found), [4, 5])
    })

    test('counts and states are kept, and who was not ready is loaded apart', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const entries = count(1, 6).map((number) => put(first.store, log, number))
      await first.settle()
      const update = (at: number, state: number, dueAt: number, mark: number): void => {
        const entry = entries[at - 1]!
        entry.redelivered = true
        entry.deliveryCount = at
        entry.acquiredCount = at + 1
        log.update(entry, state, dueAt, mark)
      }
      update(2, STATE_READY, 0, 0)
      update(5, STATE_RETURNED, 0, 0)
      update(3, STATE_RETURNED, 0, 0)
      update(4, STATE_HELD, 1_900_000_000_000, 0)
      update(6, STATE_DYING, 0, 3)
      await first.settle()
      const second = await first.crash()
      const again = second.store.queue(1)
      const ready = await load(second, again)
      assert.deepEqual(numbersOf(ready.found), [1, 2])
      assert.deepEqual(
        [ready.found[1]!.redelivered, ready.found[1]!.deliveryCount, ready.found[1]!.acquiredCount],
        [true, 2, 3],
      )
      const { found } = await read(second, (visitor) => again.loadRecovered(visitor))
      assert.deepEqual(numbersOf(found), [4, 6, 5, 3], 'those that came back are last, in their order')
      assert.deepEqual(
        found.map(({ state, dueAt, mark }) => [state, dueAt, mark]),
        [
          [STATE_HELD, 1_900_000_000_000, 0],
          [STATE_DYING, 0, 3],
          [STATE_RETURNED, 0, 0],
          [STATE_RETURNED, 0, 0],
        ],
      )
    })

    test('what may have been delivered is redelivered after a crash', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      for (const number of count(1, 5)) put(first.store, log, number)
      const position = log.markDelivered(3)
      assert.equal(log.deliveredUpTo, 3)
      await first.settle()
      assert.ok(first.store.committed >= position)
      const second = await first.crash()
      const again = second.store.queue(1)
      const before = again.deliveredUpTo
      const { found } = await load(second, again)
      assert.deepEqual(
        found.map(({ number, redelivered }) => redelivered || number <= before),
        [true, true, true, false, false],
      )
    })

    test('a message to many queues comes back in all of them, and a transaction whole', async (t) => {
      const first = await open(t)
      const logs = count(1, 20).map((id) => first.store.queue(id))
      const content = new TestContent('shared')
      first.store.adopt(content)
      const entries = logs.map((log) => {
        const entry = new TestEntry(1, content)
        content.position = Math.max(content.position, log.enqueue(entry))
        return entry
      })
      await first.settle()
      first.store.begin()
      for (const log of logs) put(first.store, log, 2)
      logs[0]!.settle(entries[0]!)
      const position = first.store.end()
      assert.ok(position > content.position)
      await first.settle()
      assert.ok(first.store.committed >= position)
      const second = await first.crash()
      for (const id of count(1, 20)) {
        const { found } = await load(second, second.store.queue(id))
        assert.deepEqual(numbersOf(found), id === 1 ? [2] : [1, 2])
      }
    })

    test('of nested transactions the outermost counts', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      first.store.begin()
      put(first.store, log, 1)
      first.store.begin()
      put(first.store, log, 2)
      const inner = first.store.end()
      put(first.store, log, 3)
      const outer = first.store.end()
      assert.ok(inner > 0 && outer >= inner)
      put(first.store, log, 4)
      await first.settle()
      assert.ok(first.store.committed > outer)
      const second = await first.crash()
      const { found } = await load(second, second.store.queue(1))
      assert.deepEqual(numbersOf(found), [1, 2, 3, 4])
    })

    test('what begins tells whether it is recovered together with what was recorded before', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const begun = (number: number): number => {
        const unit = first.store.begin()
        assert.equal(first.store.begin(), unit)
        put(first.store, log, number)
        first.store.end()
        first.store.end()
        return unit
      }
      const together = begun(1)
      assert.equal(begun(2), together)
      await first.settle()
      assert.notEqual(begun(3), together)
      await first.settle()
      const second = await first.crash()
      const { found } = await load(second, second.store.queue(1))
      assert.deepEqual(numbersOf(found), [1, 2, 3])
    })

    test('what is gone before its transaction is written need not be written, and what stays is', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const entries: TestEntry[] = []
      for (const number of count(1, 4)) {
        first.store.begin()
        entries.push(put(first.store, log, number))
        first.store.end()
      }
      for (const at of [0, 1, 3]) log.settle(entries[at]!)
      first.store.begin()
      const last = put(first.store, log, 5)
      const position = first.store.end()
      await first.settle()
      assert.ok(first.store.committed >= position)
      log.settle(last)
      first.store.begin()
      log.settle(entries[2]!)
      assert.ok(first.store.end() > position, 'a settlement is recorded too')
      await first.settle()
      const second = await first.crash()
      assert.deepEqual(second.store.queue(1).recovered(), [])
    })

    test('however much is gone before it is written, what comes after it is safe in the end', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      put(first.store, log, 1)
      await new Promise(setImmediate)
      for (const number of count(2, 25_000)) log.settle(put(first.store, log, number))
      const { message } = put(first.store, log, 25_001)
      await first.settle()
      assert.ok(first.store.committed >= message.position)
      const second = await first.crash()
      assert.deepEqual(numbersOf((await load(second, second.store.queue(1))).found), [1, 25_001])
    })

    test('says which messages are there, whatever their state, after a restart as well', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      // with gaps, so that what is where cannot be told without looking
      const numbers = count(1, 3000).filter((number) => number % 7 !== 0)
      const entries = numbers.map((number) => put(first.store, log, number))
      await first.settle()
      for (const entry of entries) if (entry.number % 5 === 0) log.settle(entry)
      log.update(entries[0]!, STATE_HELD, 1_000_000, 0)
      const ask = async (implementation: Implementation, asked: QueueLog): Promise<number[]> => {
        const found = new Promise<ReadonlySet<number>>((resolve) => asked.findPresent(count(0, 3100), resolve))
        void implementation.settle()
        return [...(await found)].toSorted((a, b) => a - b)
      }
      const expected = numbers.filter((number) => number % 5 !== 0)
      assert.deepEqual(await ask(first, log), expected)
      put(first.store, log, 3050)
      await first.settle()
      const second = await first.crash()
      assert.deepEqual(await ask(second, second.store.queue(1)), [...expected, 3050])
      assert.deepEqual(await ask(second, second.store.queue(2)), [])
    })

    test('what only leaves memory is read back, and gone after a restart', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const kept = put(first.store, log, 1)
      const entries = count(2, 40).map((number) => {
        const content = new TestContent(`message ${number}`)
        first.store.adopt(content)
        return new TestEntry(number, content)
      })
      await new Promise<void>((resolve) => {
        log.spill(entries, resolve)
        void first.settle()
      })
      await first.settle()
      assert.ok([kept, ...entries].every((entry) => log.isStored(entry)))
      log.settle(entries[3]!)
      const { found } = await load(first, log)
      assert.deepEqual(numbersOf(found), [...count(1, 4), ...count(6, 40)])
      const some = await read(first, (visitor) => log.loadNumbers([30, 1, 5, 2], ALL, visitor))
      assert.deepEqual(numbersOf(some.found), [30, 1, 2])
      const second = await first.crash()
      assert.deepEqual(numbersOf((await load(second, second.store.queue(1))).found), [1])
    })

    test('what leaves memory late takes its place among what left before, with what it went through', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const leave = async (numbers: readonly number[], redelivered = false): Promise<void> => {
        const entries = numbers.map((number) => {
          const content = new TestContent(`message ${number}`)
          first.store.adopt(content)
          const entry = new TestEntry(number, content)
          entry.redelivered = redelivered
          entry.acquiredCount = redelivered ? 2 : 0
          entry.deliveryCount = redelivered ? 1 : 0
          return entry
        })
        await new Promise<void>((resolve) => {
          log.spill(entries, resolve)
          void first.settle()
        })
        await first.settle()
      }
      const spread = (from: number): number[] => count(0, 299).map((i) => from + 4 * i)
      await leave(spread(4))
      await leave(spread(1), true)
      await leave(spread(2))
      await leave(spread(3))
      const { found, entries } = await load(first, log)
      assert.deepEqual(numbersOf(found), count(1, 1200))
      const ofOne = found.filter(({ number }) => number % 4 === 1)
      assert.ok(ofOne.every((one) => one.redelivered && one.acquiredCount === 2 && one.deliveryCount === 1))
      assert.ok(found.every((one) => one.redelivered === (one.number % 4 === 1)))
      const middle = await load(first, log, { from: 500, to: 507 })
      assert.deepEqual(numbersOf(middle.found), count(500, 507))
      const last = await loadLast(first, log, { from: 20, to: 1100 }, 900)
      assert.deepEqual(numbersOf(last.found), count(201, 1100).toReversed())
      for (const entry of entries) if (entry.number % 3 !== 0) log.settle(entry)
      const rest = await load(first, log)
      assert.deepEqual(
        numbersOf(rest.found),
        count(1, 1200).filter((number) => number % 3 === 0),
      )
    })

    test('ranges, levels and limits are kept to', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      for (const number of count(1, 60)) put(first.store, log, number, { level: number % 3 })
      await first.settle()
      const { found } = await load(first, log, { from: 10, to: 40, level: 1 }, 4)
      assert.deepEqual(numbersOf(found), [10, 13, 16, 19])
      const last = await loadLast(first, log, { from: 10, to: 40, level: 1 }, 4)
      assert.deepEqual(numbersOf(last.found), [40, 37, 34, 31])
      assert.deepEqual(numbersOf((await loadLast(first, log, { from: 10, to: 18, level: 1 }, 4)).found), [16, 13, 10])
      log.drop({ from: 20, to: 50, level: 1 })
      const rest = await load(first, log, { level: 1 })
      assert.deepEqual(numbersOf(rest.found), [1, 4, 7, 10, 13, 16, 19, 52, 55, 58])
      await first.settle()
      put(first.store, log, 61)
      await first.settle()
      const second = await first.crash()
      const again = second.store.queue(1)
      assert.equal(
        again.recovered().reduce((sum, level) => sum + level.count, 0),
        51,
      )
      assert.deepEqual(
        numbersOf((await load(second, again, { level: 1 })).found),
        [1, 4, 7, 10, 13, 16, 19, 52, 55, 58],
      )
    })

    test('what only left memory is recorded when it is promoted', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const entries = count(1, 4).map((number) => {
        const entry = new TestEntry(number, new TestContent(`message ${number}`))
        first.store.adopt(entry.message)
        return entry
      })
      const [spilled, spilling, fresh, left] = entries
      put(first.store, log, 5)
      await new Promise<void>((resolve) => {
        log.spill([spilled!, left!], resolve)
        void first.settle()
      })
      const done = new Promise<void>((resolve) => log.spill([spilling!], resolve))
      assert.equal(log.promote(spilling!), BEING_SPILLED)
      const recorded = (): boolean[] => entries.map((entry) => log.isRecorded(entry))
      assert.deepEqual(recorded(), [false, false, false, false])
      await first.settle()
      await done
      assert.deepEqual(recorded(), [false, false, false, false])
      for (const entry of [spilled!, spilling!, fresh!]) {
        assert.ok(log.promote(entry) > 0)
        assert.equal(log.promote(entry), 0, 'once')
      }
      assert.deepEqual(recorded(), [true, true, true, false])
      await first.settle()
      assert.deepEqual(recorded(), [true, true, true, false])
      assert.deepEqual(numbersOf((await load(first, log)).found), [1, 2, 3, 4, 5])
      const second = await first.crash()
      assert.deepEqual(numbersOf((await load(second, second.store.queue(1))).found), [1, 2, 3, 5])
    })

    test('expired messages are found wherever they are', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      for (const number of count(1, 30)) put(first.store, log, number, { expiresAt: number % 10 === 0 ? number : -1 })
      await first.settle()
      const range = { from: 0, to: ALL, level: 0 }
      const earliest = log.earliestExpiry(range)
      assert.ok(earliest >= 0 && earliest <= 10)
      const { found, entries } = await read(first, (visitor) => log.loadExpired(range, 20, 100, visitor))
      assert.deepEqual(numbersOf(found), [10, 20])
      for (const entry of entries) log.settle(entry)
      const none = await read(first, (visitor) => log.loadExpired(range, 20, 100, visitor))
      assert.deepEqual(none.found, [])
      assert.ok(log.earliestExpiry(range) > 20)
    })

    test('it is told when messages expire, also of those whose index is on disk only', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const entries = count(1, 3000).map((number) => put(first.store, log, number, { expiresAt: (number * 7) % 3001 }))
      await first.settle()
      for (const entry of entries) if (entry.number % 3 === 0) log.settle(entry)
      await first.settle()
      const dueIn = (after: number, until: number): [number, number][] =>
        entries
          .filter(({ number, expiresAt }) => number % 3 > 0 && expiresAt > after && expiresAt <= until)
          .map(({ number, expiresAt }) => [number, expiresAt])
      for (const [after, until] of [
        [-1, 100],
        [100, 101],
        [2900, 5000],
        [5000, 6000],
      ] as const) {
        const told = await collectExpiring(first, log, after, until)
        assert.deepEqual(told, dueIn(after, until))
      }
      const second = await first.crash()
      assert.deepEqual(await collectExpiring(second, second.store.queue(1), -1, 1500), dueIn(-1, 1500))
    })

    test('messages are read by number, in the order given', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const entries = count(1, 2000).map((number) => put(first.store, log, number))
      await first.settle()
      log.settle(entries[499]!)
      log.update(entries[1499]!, STATE_HELD, 77, 1)
      await first.settle()
      const { found } = await read(first, (visitor) => log.loadNumbers([1500, 2, 500, 1999, 4000], ALL, visitor))
      assert.deepEqual(numbersOf(found), [1500, 2, 1999])
      assert.deepEqual(
        found.map(({ text }) => text),
        ['headmessage 1500', 'headmessage 2', 'headmessage 1999'],
      )
      const one = await read(first, (visitor) => log.loadNumbers([7, 8], 1, visitor))
      assert.deepEqual(numbersOf(one.found), [7])
    })

    test('messages that only left memory are read by number, too', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      put(first.store, log, 1)
      const entries = count(2, 900).map((number) => {
        const content = new TestContent(`message ${number}`)
        first.store.adopt(content)
        return new TestEntry(number, content)
      })
      await new Promise<void>((resolve) => {
        log.spill(entries, resolve)
        void first.settle()
      })
      await first.settle()
      const { found } = await read(first, (visitor) => log.loadNumbers([800, 1, 3], ALL, visitor))
      assert.deepEqual(numbersOf(found), [800, 1, 3])
    })

    test('messages are settled by number, whatever their state, and stay away after a crash', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const entries = count(1, 3000).map((number) => put(first.store, log, number))
      await first.settle()
      log.update(entries[1]!, STATE_HELD, 77, 1)
      log.update(entries[2]!, STATE_RETURNED, 0, 0)
      log.settle(entries[3]!)
      await first.settle()
      // every third from 1 on, and what was never there
      const settled = [...count(0, 999).map((i) => 3 * i + 1), 2, 3, 4000]
      log.settleNumbers(settled)
      await first.settle()
      const left = count(5, 3000).filter((number) => number % 3 !== 1)
      assert.deepEqual(numbersOf((await load(first, log)).found), left)
      assert.equal(log.counts().messages, left.length)
      const second = await first.crash()
      const again = second.store.queue(1)
      assert.deepEqual(numbersOf((await load(second, again)).found), left)
      const recovered = await read(second, (visitor) => again.loadRecovered(visitor))
      assert.deepEqual(recovered.found, [])
      // now most of the index is on disk only
      again.settleNumbers(left.slice(0, 1500))
      await second.settle()
      assert.deepEqual(numbersOf((await load(second, again)).found), left.slice(1500))
      const third = await second.crash()
      assert.deepEqual(numbersOf((await load(third, third.store.queue(1))).found), left.slice(1500))
    })

    test('messages that only left memory are settled by number, too', async (t) => {
      const first = await open(t)
      const log = first.store.queue(1)
      const entries = count(1, 900).map((number) => {
        const content = new TestContent(`message ${number}`)
        first.store.adopt(content)
        return new TestEntry(number, content)
      })
      await new Promise<void>((resolve) => {
        log.spill(entries, resolve)
        void first.settle()
      })
      await first.settle()
      log.settleNumbers(count(1, 890))
      await first.settle()
      assert.deepEqual(numbersOf((await load(first, log)).found), count(891, 900))
    })

    test('a deleted queue leaves nothing, and queues that nobody asks for are forgotten', async (t) => {
      const first = await open(t)
      const doomed = first.store.queue(1)
      for (const number of count(1, 10)) put(first.store, doomed, number)
      const kept = first.store.queue(2)
      for (const number of count(1, 10)) put(first.store, kept, number)
      await first.settle()
      doomed.delete()
      await first.settle()
      const second = await first.crash()
      second.store.queue(2)
      second.store.forgetUnclaimed()
      const third = await second.crash()
      assert.ok(third.store.highestQueueId >= 2, 'ids are not used again')
      assert.deepEqual(numbersOf((await load(third, third.store.queue(2))).found), count(1, 10))
    })
  })
}
