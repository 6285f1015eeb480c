import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { DEFAULT_HASHING_ALGORITHM, type HashingAlgorithm, type Passwords } from '../core/users.ts'

const SALT_BYTES = 4

const DIGESTS: Readonly<Record<HashingAlgorithm, string>> = {
  rabbit_password_hashing_sha256: 'sha256',
  rabbit_password_hashing_sha512: 'sha512',
  rabbit_password_hashing_md5: 'md5',
}

/** RabbitMQ's hash of a password: base64 of 4 random bytes of salt, followed by the digest of salt and password (UTF-8). */
export function hashPassword(password: string, algorithm: HashingAlgorithm = DEFAULT_HASHING_ALGORITHM): string {
  const salt = randomBytes(SALT_BYTES)
  return Buffer.concat([salt, saltedDigest(salt, password, algorithm)]).toString('base64')
}

/** An empty password is never right, and an empty or damaged hash has none. Takes as long for a wrong password as for the right one. */
export function verifyPassword(password: string, hash: string, algorithm: HashingAlgorithm): boolean {
  if (password === '') return false
  const stored = Buffer.from(hash, 'base64')
  const digest = saltedDigest(stored.subarray(0, SALT_BYTES), password, algorithm)
  if (stored.length !== SALT_BYTES + digest.length) return false
  return timingSafeEqual(stored.subarray(SALT_BYTES), digest)
}

/** With a validator that takes everything. */
export const passwords: Passwords = { hash: hashPassword, verify: verifyPassword, refusal: () => null }

const saltedDigest = (salt: Buffer, password: string, algorithm: HashingAlgorithm): Buffer =>
  createHash(DIGESTS[algorithm]).update(salt).update(password, 'utf8').digest()
