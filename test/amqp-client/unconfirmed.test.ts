import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Unconfirmed } from '../../src/amqp-client/index.ts'

type Step = { add: number } | { settle: number; multiple: boolean }

describe('unconfirmed messages', () => {
  test('are what a plain map says, whatever order the confirms come in', () => {
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({ add: fc.integer({ min: 1, max: 100 }) }),
      fc.record({ settle: fc.nat(400), multiple: fc.boolean() }),
      fc.record({ settle: fc.nat(400), multiple: fc.constant(false) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const unconfirmed = new Unconfirmed<string>()
        const model = new Map<number, string>()
        let last = 0
        for (const each of steps) {
          if ('add' in each) {
            for (let i = 0; i < each.add; i++) {
              last++
              unconfirmed.add(last, `m${last}`)
              model.set(last, `m${last}`)
            }
            continue
          }
          const { settle, multiple } = each
          const expected = [...model.keys()].filter((tag) => (multiple ? tag <= settle : tag === settle))
          const seen: number[] = []
          unconfirmed.settle(settle, multiple, (item, tag) => {
            assert.equal(item, model.get(tag))
            seen.push(tag)
          })
          assert.deepEqual(seen, expected)
          for (const tag of expected) model.delete(tag)
          assert.equal(unconfirmed.size, model.size)
          assert.deepEqual([...unconfirmed.values()], [...model.values()])
        }
      }),
    )
  })

  test('one that stays out does not stretch the ring', () => {
    const unconfirmed = new Unconfirmed<number>()
    unconfirmed.add(1, 1)
    for (let tag = 2; tag < 100_000; tag++) {
      unconfirmed.add(tag, tag)
      unconfirmed.settle(tag, false, () => {})
    }
    assert.deepEqual([...unconfirmed.values()], [1])
    const seen: number[] = []
    unconfirmed.settle(1, false, (item) => seen.push(item))
    assert.deepEqual(seen, [1])
    assert.equal(unconfirmed.size, 0)
  })

  test('numbers have to follow one another', () => {
    assert.throws(() => new Unconfirmed<number>().add(2, 0), RangeError)
  })
})
