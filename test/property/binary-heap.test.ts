import { test } from 'node:test'
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { BinaryHeap } from '../../src/util/binary-heap.ts'

type Step = { readonly push: number } | 'pop' | { readonly dropBelow: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ push: fc.integer({ min: -50, max: 50 }) }) },
  { weight: 3, arbitrary: fc.constant('pop' as const) },
  { weight: 1, arbitrary: fc.record({ dropBelow: fc.integer({ min: -50, max: 50 }) }) },
)

test('a heap does what a sorted array does', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const heap = new BinaryHeap<number>((a, b) => a - b)
      let model: number[] = []
      for (const action of steps) {
        if (action === 'pop') {
          assert.equal(heap.pop(), model.shift())
        } else if ('push' in action) {
          heap.push(action.push)
          model.push(action.push)
          model.sort((a, b) => a - b)
        } else {
          heap.retain((item) => item >= action.dropBelow)
          model = model.filter((item) => item >= action.dropBelow)
        }
        assert.equal(heap.size, model.length)
        assert.equal(heap.peek(), model[0])
      }
    }),
  )
})
