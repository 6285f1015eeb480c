/**
 * MurmurHash3 (x86, 32 bits) of a string's UTF-8 bytes: the hash of the exchange types that spread messages. Which hash
 * it is decides which queue a key goes to, so changing it moves keys; it need not (and does not) equal Erlang's
 * `phash2`.
 */
export function hashText(text: string, seed = 0): number {
  // A character is at most three bytes of UTF-8 per UTF-16 unit. Keys have at most 255 bytes; header values may be
  // longer.
  if (text.length * 3 <= scratch.length) return hashBytes(scratch, scratch.write(text, 0, 'utf8'), seed)
  const bytes = Buffer.from(text, 'utf8')
  return hashBytes(bytes, bytes.length, seed)
}

/** Reused by every call: `hashText` does not allocate for keys. */
const scratch = Buffer.allocUnsafeSlow(1024)

/** The hash of the first `length` bytes, as an unsigned 32-bit integer. */
function hashBytes(bytes: Uint8Array, length: number, seed: number): number {
  let hash = seed | 0
  const blocksEnd = length & ~3
  let at = 0
  for (; at < blocksEnd; at += 4) {
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash ^= scramble(block)
    hash = (hash << 13) | (hash >>> 19)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let tail = 0
  for (let i = length - 1; i >= blocksEnd; i--) tail = (tail << 8) | bytes[i]!
  if (blocksEnd < length) hash ^= scramble(tail)
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scramble(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51)
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593)
}

/**
 * Jump consistent hash (Lamping and Veach, 2014): the bucket, 0 to `buckets` - 1, of a 32-bit key. With one bucket
 * more, one key in `buckets` + 1 moves, and always to the new bucket. The generator is Mulberry32 instead of the
 * paper's 64-bit one, which would need bigints.
 */
export function jumpHash(key: number, buckets: number): number {
  let state = key | 0
  let bucket = 0
  for (let next = 0; next < buckets;) {
    bucket = next
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    const random = ((mixed ^ (mixed >>> 14)) >>> 0) + 1 // 1 to 2^32
    next = Math.floor((bucket + 1) * (0x1_0000_0000 / random))
  }
  return bucket
}
