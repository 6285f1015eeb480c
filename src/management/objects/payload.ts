type Json = Record<string, unknown>

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Bytes of the longest character in UTF-8. */
const CHARACTER_BYTES_MAX = 4

/** A body: as text if it is UTF-8, else in base64. @param bytesMax what is beyond is left out */
export function payloadToJson(body: Buffer, bytesMax: number): Json {
  const truncated = body.length > bytesMax
  const text = textOf(truncated ? body.subarray(0, bytesMax) : body, truncated)
  return {
    payload: text ?? body.subarray(0, bytesMax).toString('base64'),
    payload_encoding: text === null ? 'base64' : 'string',
    payload_bytes: body.length,
    truncated,
  }
}

/** Null for what is no UTF-8. @param isCut whether the end may be in the middle of a character */
function textOf(bytes: Buffer, isCut: boolean): string | null {
  const shortest = isCut ? Math.max(0, bytes.length - CHARACTER_BYTES_MAX + 1) : bytes.length
  for (let length = bytes.length; length >= shortest; length--) {
    try {
      return utf8.decode(bytes.subarray(0, length))
    } catch {
      // a character may have been cut
    }
  }
  return null
}
