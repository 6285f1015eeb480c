import { createHash } from 'node:crypto'

// Bodies that tell whether they are as they were sent: `hash id padding`.

const HASH_CHARS = 16

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, HASH_CHARS)

/** @param padding comes after the id */
export function hashedBody(id: string, padding: string): Buffer {
  const rest = `${id} ${padding}`
  return Buffer.from(`${hashOf(rest)} ${rest}`)
}

/** Null where it is not as it was sent. */
export function idOf(body: Buffer): string | null {
  const text = body.toString()
  const rest = text.slice(HASH_CHARS + 1)
  return hashOf(rest) === text.slice(0, HASH_CHARS) ? rest.slice(0, rest.indexOf(' ')) : null
}
