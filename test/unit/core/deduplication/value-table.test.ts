import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type HashedBytes,
  hashOf,
  KEY_BYTES_MAX,
  NO_ROW,
  ValueTable,
} from '../../../../src/core/deduplication/value-table.ts'

/** A key of the bytes that the characters stand for, in the midst of others. @param hash instead of its own */
function keyOf(text: string, hash: number | null = null): HashedBytes {
  const bytes = Buffer.from(`<${text}>`, 'latin1')
  const { length } = text
  return { bytes, offset: 1, length, hash: hash ?? hashOf(bytes, 1, length) }
}

const written = (table: ValueTable, row: number): string => {
  const out = Buffer.alloc(KEY_BYTES_MAX)
  return out.toString('latin1', 0, table.writeKey(row, out, 0))
}

/** The rows that were kept, in order: each goes, so that the next one is the oldest. */
function takeAll(table: ValueTable): number[] {
  const rows: number[] = []
  for (let { oldest } = table; oldest !== NO_ROW; oldest = table.oldest) {
    rows.push(oldest)
    table.remove(oldest)
  }
  return rows
}

describe('a table of values', () => {
  type Step = { readonly key: number; readonly keeps: boolean } | { readonly remove: number }
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ key: fc.nat(400), keeps: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ remove: fc.nat() }) },
  )

  for (const [title, hash] of [
    ['as they are hashed', (): null => null],
    ['which all meet in a few slots', (text: string): number => 1 + (text.length % 3)],
    ['at the end of the slots', (text: string): number => -1 - (text.charCodeAt(0) % 5)],
  ] as const) {
    const find = (table: ValueTable, text: string): number => table.find(keyOf(text, hash(text)))

    test(`finds what a Map would find, with keys ${title}`, () => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
          const table = new ValueTable()
          const rows = new Map<string, number>()
          const kept: number[] = []
          for (const [i, one] of steps.entries()) {
            if ('remove' in one) {
              const [text, row] = [...rows][one.remove % Math.max(1, rows.size)] ?? []
              if (text === undefined) continue
              table.remove(row!)
              rows.delete(text)
              if (kept.includes(row!)) kept.splice(kept.indexOf(row!), 1)
              assert.equal(find(table, text), NO_ROW)
              continue
            }
            const text = `${one.key}`.repeat(1 + (one.key % 7))
            assert.equal(find(table, text), rows.get(text) ?? NO_ROW)
            if (rows.has(text)) continue
            const row = table.add(keyOf(text, hash(text)), i)
            rows.set(text, row)
            if (!one.keeps) continue
            table.append(row)
            kept.push(row)
          }
          assert.equal(table.size, rows.size)
          for (const [text, row] of rows) {
            assert.equal(find(table, text), row)
            assert.equal(written(table, row), text)
          }
          assert.deepEqual(takeAll(table), kept)
        }),
        { numRuns: 200 },
      )
    })
  }

  test('tells a row from one that had its number before, in another table, too', () => {
    const table = new ValueTable()
    const serials = new Set<number>()
    for (let i = 0; i < 3; i++) {
      const row = table.add(keyOf('key'), -1)
      assert.equal(row, 0)
      serials.add(table.serial[row]!)
      table.remove(row)
      assert.equal(table.serial[row], 0)
    }
    const other = new ValueTable()
    serials.add(other.serial[other.add(keyOf('key'), -1)]!)
    assert.equal(serials.size, 4)
  })

  test('takes keys of all bytes, up to the longest', () => {
    const table = new ValueTable()
    const keys = ['', ...Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte).repeat(KEY_BYTES_MAX))]
    const rows = keys.map((key) => table.add(keyOf(key), -1))
    assert.deepEqual(
      rows.map((row) => written(table, row)),
      keys,
    )
    assert.deepEqual(
      keys.map((key) => table.find(keyOf(key))),
      rows,
    )
  })

  test('is worth replacing when a backlog is gone, and not after a few', () => {
    for (const [values, isSpent] of [
      [100, false],
      [10_000, true],
    ] as const) {
      const table = new ValueTable()
      for (let i = 0; i < values; i++) table.append(table.add(keyOf(`${i}`), -1))
      assert.equal(table.isSpent, false)
      assert.equal(takeAll(table).length, values)
      assert.equal(table.isSpent, isSpent)
    }
  })
})
