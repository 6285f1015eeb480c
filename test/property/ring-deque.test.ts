import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { RingDeque } from '../../src/util/ring-deque.ts'
import { collectGarbage } from '../support/collect-garbage.ts'

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('push' as const), count: fc.nat(400) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('unshift' as const), count: fc.nat(40) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('shift' as const), count: fc.nat(500) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('filter' as const), count: fc.integer({ min: 2, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), count: fc.constant(0) }) },
)

test('a ring is a list', () => {
  fc.assert(
    fc.property(fc.constantFrom(1, 4, 16), fc.array(step, { maxLength: 40, size: 'max' }), (capacity, steps) => {
      const ring = new RingDeque<number>(capacity)
      let list: number[] = []
      let next = 0
      for (const { kind, count } of steps) {
        if (kind === 'clear') {
          ring.clear()
          list = []
        } else if (kind === 'filter') {
          ring.filter((item) => item % count === 0)
          list = list.filter((item) => item % count === 0)
        }
        for (let i = 0; i < count && kind !== 'filter'; i++) {
          if (kind === 'push') list.push((ring.push(next), next++))
          else if (kind === 'unshift') list.unshift((ring.unshift(next), next++))
          else assert.equal(ring.shift(), list.shift())
        }
        assert.equal(ring.size, list.length)
        assert.deepEqual([ring.peek(), ring.peekLast(), ring.at(list.length)], [list[0], list.at(-1), undefined])
        assert.deepEqual([...ring.values()], list)
      }
    }),
    { numRuns: 200 },
  )
})

test('a ring lets go of what was taken', async () => {
  const ring = new RingDeque<object>()
  const refs: WeakRef<object>[] = []
  for (let i = 0; i < 5000; i++) {
    const item = { i }
    refs.push(new WeakRef(item))
    ring.push(item)
  }
  for (let i = 0; i < 5000; i++) ring.shift()
  await collectGarbage()
  const alive = refs.filter((ref) => ref.deref() !== undefined).length
  // a register of the engine may still hold one of the last
  assert.ok(alive < 50, `${alive} alive`)
  assert.equal(ring.size, 0)
})
