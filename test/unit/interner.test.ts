import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Interner } from '../../src/util/interner.ts'

const lookUp = (interner: Interner, text: string): string | null => {
  const bytes = Buffer.from(`..${text}..`)
  return interner.find(bytes, 2, bytes.length - 4)
}

const remember = (interner: Interner, text: string): void => {
  const bytes = Buffer.from(`.${text}`)
  interner.remember(bytes, 1, bytes.length - 1, text)
  bytes.fill(0)
}

describe('the interner', () => {
  test('gives what it was told last for the same bytes', () => {
    const interner = new Interner()
    assert.equal(lookUp(interner, 'é key'), null)
    for (const text of ['é key', '', 'k'.repeat(255)]) remember(interner, text)
    for (const text of ['é key', '', 'k'.repeat(255)]) assert.equal(lookUp(interner, text), text)
    assert.equal(lookUp(interner, 'é kez'), null)
  })

  test('never gives the text of other bytes, however often slots are taken', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 6 }), { maxLength: 200, size: 'max' }), (texts) => {
        const interner = new Interner(4)
        for (const text of texts) {
          const found = lookUp(interner, text)
          assert.ok(found === null || found === text)
          remember(interner, text)
          assert.equal(lookUp(interner, text), text)
        }
      }),
    )
  })
})
