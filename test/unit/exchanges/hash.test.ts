import assert from 'node:assert/strict'
import { test } from 'node:test'

import { hashText, jumpHash } from '../../../src/core/exchanges/hash.ts'

test('MurmurHash3 gives the published values', () => {
  assert.equal(hashText('', 0), 0)
  assert.equal(hashText('', 1), 0x514e28b7)
  assert.equal(hashText('', 0xffffffff), 0x81f16f39)
  assert.equal(hashText('test', 0), 0xba6bd213)
  assert.equal(hashText('Hello, world!', 0), 0xc0363e43)
  assert.equal(hashText('The quick brown fox jumps over the lazy dog', 0), 0x2e4ff723)
  assert.equal(hashText('aaa', 0x9747b28c), 0x283e0130)
  assert.equal(hashText('ππππππππ', 0x9747b28c), 0xd58063c1)
})

test('a long text hashes like its parts would in one buffer', () => {
  const long = 'é'.repeat(2000)
  assert.equal(hashText(long), hashText(`${'é'.repeat(1999)}é`))
  assert.notEqual(hashText(long), hashText(`${'é'.repeat(1999)}e`))
})

test('a further bucket takes its share of the keys, and no key changes between old buckets', () => {
  const keys = 20_000
  for (const buckets of [1, 2, 9, 100]) {
    let moved = 0
    for (let i = 0; i < keys; i++) {
      const key = hashText(`key-${i}`)
      const before = jumpHash(key, buckets)
      const after = jumpHash(key, buckets + 1)
      assert.ok(before >= 0 && before < buckets)
      if (before === after) continue
      assert.equal(after, buckets)
      moved++
    }
    const share = moved / keys / (1 / (buckets + 1))
    assert.ok(share > 0.8 && share < 1.2, `${buckets}: ${share} of the fair share moved`)
  }
})
