import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { hashPassword, verifyPassword } from '../../src/auth/password-hash.ts'

const ALGORITHMS = [
  ['rabbit_password_hashing_sha256', 36],
  ['rabbit_password_hashing_sha512', 68],
  ['rabbit_password_hashing_md5', 20],
] as const

describe('password hashes', () => {
  it("match the example in RabbitMQ's documentation", () => {
    // Salt 908D C60A, password test12.
    const hash = 'kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR'
    assert.ok(verifyPassword('test12', hash, 'rabbit_password_hashing_sha256'))
    assert.ok(!verifyPassword('test13', hash, 'rabbit_password_hashing_sha256'))
  })

  for (const [algorithm, bytes] of ALGORITHMS) {
    it(`are salt and digest: ${algorithm}`, () => {
      const hash = hashPassword('pässword', algorithm)
      const decoded = Buffer.from(hash, 'base64')
      assert.equal(decoded.length, bytes)
      const digest = createHash(algorithm.replace('rabbit_password_hashing_', ''))
        .update(Buffer.concat([decoded.subarray(0, 4), Buffer.from('pässword')]))
        .digest()
      assert.deepEqual(decoded.subarray(4), digest)
      assert.ok(verifyPassword('pässword', hash, algorithm))
      assert.ok(!verifyPassword('password', hash, algorithm))
      for (const [other] of ALGORITHMS) {
        assert.equal(verifyPassword('pässword', hash, other), other === algorithm)
      }
    })
  }

  it('use SHA-256 unless told otherwise, and salt anew each time', () => {
    const hash = hashPassword('p')
    assert.ok(verifyPassword('p', hash, 'rabbit_password_hashing_sha256'))
    assert.notEqual(hashPassword('p'), hash)
  })

  it('never match an empty password', () => {
    assert.ok(!verifyPassword('', hashPassword(''), 'rabbit_password_hashing_sha256'))
  })

  it('never match when empty or damaged', () => {
    const hash = hashPassword('p')
    for (const damaged of ['', 'AAAA', 'AAAAAA==', hash.slice(0, -4), `${hash}AAAA`, '*'.repeat(48)]) {
      assert.ok(!verifyPassword('p', damaged, 'rabbit_password_hashing_sha256'), damaged)
    }
  })
})
