import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { StoredBacklog, type StoredMessage } from '../../../../src/core/groups/stored-backlog.ts'
import { collectGarbage } from '../../../support/collect-garbage.ts'

const drain = (backlog: StoredBacklog): StoredMessage[] => {
  const messages: StoredMessage[] = []
  for (; backlog.count > 0; backlog.shift()) messages.push({ ...backlog.peek() })
  return messages
}

describe('a stored backlog', () => {
  test('gives back what was pushed, with the sums right, whatever is taken out in between', () => {
    const big = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 40 }))
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constant('push' as const),
          gap: big,
          bodyBytes: fc.oneof(fc.nat(200), fc.nat(2 ** 29)),
          expiresAt: fc.oneof(fc.constant(-1), fc.nat(100), fc.nat(2 ** 43)),
          times: fc.integer({ min: 1, max: 40 }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('shift' as const), times: fc.nat(60) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('expire' as const), now: fc.oneof(fc.nat(120), fc.nat(2 ** 43)) }),
      },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const backlog = new StoredBacklog()
        let model: StoredMessage[] = []
        let last = 0
        for (const each of steps) {
          if (each.kind === 'push') {
            for (let i = 0; i < each.times; i++) {
              if (last + each.gap > Number.MAX_SAFE_INTEGER / 2) break
              last += each.gap
              backlog.push(last, each.bodyBytes, each.expiresAt)
              model.push({ number: last, bodyBytes: each.bodyBytes, expiresAt: each.expiresAt })
            }
          } else if (each.kind === 'shift') {
            for (let i = 0; i < each.times && backlog.count > 0; i++) {
              assert.deepEqual({ ...backlog.peek() }, model.shift())
              backlog.shift()
            }
          } else {
            const taken: number[] = []
            backlog.takeExpired(each.now, Infinity, ({ number }) => taken.push(number))
            const hasExpired = ({ expiresAt }: StoredMessage): boolean => expiresAt >= 0 && expiresAt <= each.now
            assert.deepEqual(
              taken,
              model.filter(hasExpired).map(({ number }) => number),
            )
            model = model.filter((message) => !hasExpired(message))
          }
          assert.deepEqual(
            [...backlog.numbers()],
            model.map(({ number }) => number),
          )
          assert.equal(backlog.count, model.length)
          assert.equal(
            backlog.bodyBytes,
            model.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
          )
          if (model.length > 0) assert.equal(backlog.first, model[0]!.number)
          const times = model.map(({ expiresAt }) => expiresAt).filter((at) => at >= 0)
          if (times.length > 0) {
            const { earliestExpiry } = backlog
            assert.ok(earliestExpiry >= 0 && earliestExpiry <= Math.min(...times), 'never too late')
          }
        }
        assert.deepEqual(drain(backlog), model)
      }),
    )
  })

  test('takes as many expired messages as are asked for, about, and the rest the next time', () => {
    const backlog = new StoredBacklog()
    for (let number = 1; number <= 50_000; number++) backlog.push(number, 10, number)
    const taken: number[] = []
    backlog.takeExpired(40_000, 1000, ({ number }) => taken.push(number))
    assert.ok(taken.length >= 1000 && taken.length < 10_000, `${taken.length} were taken`)
    while (backlog.earliestExpiry <= 40_000) backlog.takeExpired(40_000, 1000, ({ number }) => taken.push(number))
    assert.equal(taken.length, 40_000)
    assert.equal(backlog.first, 40_001)
  })

  test('takes a few bytes for each message', async () => {
    const heldBytes = async (): Promise<number> => {
      await collectGarbage()
      return process.memoryUsage().arrayBuffers
    }
    const before = await heldBytes()
    const backlog = new StoredBacklog()
    for (let i = 1; i <= 300_000; i++) backlog.push(3 * i, 1000, 1_700_000_000_000 + 3 * i)
    assert.ok(((await heldBytes()) - before) / 300_000 < 5)
    assert.equal(backlog.count, 300_000)
  })
})
