import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Entry, GONE, READY, UNACKED } from '../../src/core/queues/entry.ts'
import type { Queue } from '../../src/core/queues/queue.ts'
import { ReadyMessages } from '../../src/core/queues/ready-messages.ts'
import { messageOf } from '../support/core-bench.ts'

interface Item {
  readonly entry: Entry
  readonly level: number
  /** Rises with each return; 0 for what never came back. */
  returned: number
}

const step = fc.record({
  kind: fc.constantFrom('push', 'push', 'push', 'shift', 'shift', 'putBack', 'remove', 'removeMany'),
  level: fc.nat(4),
  count: fc.integer({ min: 1, max: 30 }),
  pick: fc.nat(),
})

for (const returnsFirst of [false, true]) {
  test(`ready messages are in order${returnsFirst ? ', returned ones first' : ''}`, () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(step, { maxLength: 80, size: 'max' }), (levels, steps) => {
        const ready = new ReadyMessages(levels, returnsFirst)
        const model: Item[] = []
        const out: Item[] = []
        let number = 0
        let returns = 0
        const first = (): Item | undefined =>
          model.toSorted((a, b) => {
            if (returnsFirst && a.returned !== b.returned) {
              if (a.returned === 0 || b.returned === 0) return b.returned - a.returned
              return a.returned - b.returned
            }
            return b.level - a.level || a.entry.number - b.entry.number
          })[0]
        const drop = (item: Item): void => {
          model.splice(model.indexOf(item), 1)
          ready.remove(item.entry)
          item.entry.state = GONE
          ready.sweep()
        }
        for (const { kind, level: wanted, count, pick } of steps) {
          const level = wanted % levels
          for (let i = 0; i < count; i++) {
            if (kind === 'push') {
              const message = messageOf('', '', 'x'.repeat(pick % 5))
              const entry = new Entry(null as unknown as Queue, message, ++number, -1, level)
              ready.push(entry)
              model.push({ entry, level, returned: 0 })
            } else if (kind === 'shift') {
              const item = first()
              assert.equal(ready.peek(), item?.entry ?? null)
              assert.equal(ready.shift(), item?.entry ?? null)
              if (item === undefined) break
              item.entry.state = UNACKED
              model.splice(model.indexOf(item), 1)
              out.push(item)
            } else if (kind === 'putBack') {
              const [item] = out.splice(pick % Math.max(1, out.length), 1)
              if (item === undefined) break
              item.returned = ++returns
              ready.putBack(item.entry)
              model.push(item)
            } else {
              const item = model[(pick + i * 31) % Math.max(1, model.length)]
              if (item === undefined) break
              drop(item)
            }
          }
          assert.equal(ready.count, model.length)
          assert.equal(
            ready.bytes,
            model.reduce((sum, { entry }) => sum + entry.message.bodyLength, 0),
          )
        }
        for (let item = first(); item !== undefined; item = first()) {
          const entry = ready.shift()
          assert.equal(entry, item.entry)
          entry.state = GONE
          model.splice(model.indexOf(item), 1)
        }
        assert.equal(ready.shift(), null)
        assert.deepEqual([ready.count, ready.bytes], [0, 0])
      }),
      { numRuns: 200 },
    )
  })
}

test('what is removed from the middle does not stay', () => {
  const ready = new ReadyMessages(1, false)
  const entries: Entry[] = []
  for (let i = 1; i <= 10_000; i++) {
    const entry = new Entry(null as unknown as Queue, messageOf('', '', ''), i, -1, 0)
    entries.push(entry)
    ready.push(entry)
  }
  let looks = 0
  for (const entry of entries.slice(1)) {
    ready.remove(entry)
    entry.state = GONE
    ready.sweep()
  }
  // who looks for the next message walks over what is dead: little of it may be left
  const [head] = entries
  Object.defineProperty(head, 'state', { get: () => READY, set: () => {} })
  for (const entry of entries.slice(1)) {
    Object.defineProperty(entry, 'state', {
      get: () => {
        looks++
        return GONE
      },
    })
  }
  assert.equal(ready.shift(), head)
  const last = new Entry(null as unknown as Queue, messageOf('', '', ''), 10_001, -1, 0)
  ready.push(last)
  assert.equal(ready.shift(), last)
  assert.ok(looks < 2000, `${looks} looks`)
})
