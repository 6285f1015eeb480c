import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Entry } from '../../src/core/queues/entry.ts'
import { Unacked } from '../../src/core/unacked.ts'
import { heapBytes } from '../support/collect-garbage.ts'

/** Stands for an entry: the tag that it was given. */
const entryOf = (tag: number): Entry => ({ number: tag }) as Entry

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), pick: fc.nat(90) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('skip' as const), pick: fc.nat(90) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('take' as const), pick: fc.nat() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('newest' as const), pick: fc.nat(90) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('upTo' as const), pick: fc.nat() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restore' as const), pick: fc.nat() }) },
)

describe('unacknowledged deliveries', () => {
  test('are what a map of them would be', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
        const unacked = new Unacked()
        const model = new Map<number, Entry>()
        const taken: number[] = []
        let next = 1
        const sorted = (): number[] => [...model.keys()].sort((a, b) => a - b)
        const take = (tag: number): void => {
          const entry = unacked.take(tag)
          assert.equal(entry, model.get(tag) ?? null)
          if (model.delete(tag)) taken.push(tag)
        }
        for (const { kind, pick } of steps) {
          const open = sorted()
          if (kind === 'add') {
            for (let i = 0; i < pick; i++) {
              const entry = entryOf(next)
              assert.equal(unacked.add(entry), next)
              model.set(next++, entry)
            }
          } else if (kind === 'skip') {
            for (let i = 0; i < pick; i++) assert.equal(unacked.skip(), next++)
          } else if (kind === 'take') take(open[pick % open.length] ?? pick % next)
          else if (kind === 'newest') for (const tag of open.slice(-pick - 1, -1)) take(tag)
          else if (kind === 'upTo') {
            const last = open[pick % open.length] ?? 0
            const visited: number[] = []
            unacked.takeUpTo(last, (tag, entry) => {
              assert.equal(entry, model.get(tag))
              visited.push(tag)
            })
            assert.deepEqual(
              visited,
              open.filter((tag) => tag <= last),
            )
            for (const tag of visited) model.delete(tag)
            taken.push(...visited)
          } else if (taken.length > 0) {
            const [tag] = taken.splice(pick % taken.length, 1)
            const entry = entryOf(tag!)
            unacked.restore(tag!, entry)
            model.set(tag!, entry)
          }
          assert.equal(unacked.size, model.size)
          assert.deepEqual(
            [...unacked.entries()],
            sorted().map((tag) => [tag, model.get(tag)]),
          )
          for (const tag of [0, pick % next, next]) assert.equal(unacked.has(tag), model.has(tag))
        }
      }),
      { numRuns: 300 },
    )
  })

  test('that are never settled do not keep room for those that are', async () => {
    const unacked = new Unacked()
    const straggler = entryOf(1)
    unacked.add(straggler)
    const before = await heapBytes()
    for (let i = 0; i < 2_000_000; i++) unacked.take(unacked.add(straggler))
    const grown = (await heapBytes()) - before
    assert.ok(grown < 4_000_000, `${grown} bytes for one delivery`)
    assert.equal(unacked.take(1), straggler)
    assert.equal(unacked.size, 0)
  })

  test('that come while others are taken do not get into their way', () => {
    const unacked = new Unacked()
    for (let tag = 1; tag <= 64; tag++) unacked.add(entryOf(tag))
    for (let tag = 2; tag < 64; tag++) unacked.take(tag)
    const visited: number[] = []
    // each of them causes two more: the second finds the ring full and moves the oldest aside
    unacked.takeUpTo(64, (tag) => {
      visited.push(tag)
      unacked.add(entryOf(0))
      unacked.add(entryOf(0))
    })
    assert.deepEqual(visited, [1, 64])
    assert.deepEqual(
      [...unacked.entries()].map(([tag]) => tag),
      [65, 66, 67, 68],
    )
  })
})
