const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
const PART = /(\d+(?:\.\d+)?)(ms|s|m|h|d)\s*/y

/**
 * Milliseconds from a number of ms, or from text such as `250ms`, `1.5s`, `30m`, `1h30m`, `2d 12h`.
 * @throws RangeError when it is neither, or negative
 */
export function parseDuration(duration: string | number): number {
  const ms = typeof duration === 'string' ? parseParts(duration.trim()) : duration
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new RangeError(`invalid duration '${duration}': give a number of ms, or text such as '1h30m' (ms, s, m, h, d)`)
}

function parseParts(text: string): number {
  if (text === '') return NaN
  let ms = 0
  PART.lastIndex = 0
  while (PART.lastIndex < text.length) {
    const part = PART.exec(text)
    if (part === null) return NaN
    ms += Number(part[1]) * UNIT_MS[part[2]!]!
  }
  return ms
}
