import { FrameError } from './errors.ts'
import type { Version } from './frame.ts'

// How header names and values are written, by version. CONNECT and CONNECTED never escape anything: when they are sent, no version has
// been agreed upon.

const UNESCAPED: Readonly<Record<string, string>> = { n: '\n', c: ':', '\\': '\\', r: '\r' }

/** 1.0 has no escapes. `\r` came with 1.2, and like RabbitMQ we take it in 1.1 too. @throws FrameError */
export function unescape(text: string, version: Version): string {
  if (version === '1.0' || !text.includes('\\')) return text
  return text.replaceAll(/\\(.?)/gs, (whole, code: string) => {
    const plain = UNESCAPED[code]
    if (plain === undefined) throw new FrameError(`'${whole}' is no escape in a header\n`)
    return plain
  })
}

const ESCAPED: Readonly<Record<string, string>> = { '\n': '\\n', ':': '\\c', '\\': '\\\\', '\r': '\\r' }

/** What a version cannot say: 1.0 only that a line ends, which must not happen; 1.1 has no way to write CR, which ends no line there. */
const SPECIAL: Readonly<Record<Version, RegExp>> = { '1.0': /[\n\r]/g, '1.1': /[\n:\\]/g, '1.2': /[\n\r:\\]/g }
const ANY_SPECIAL = /[\n\r:\\]/

export function escape(text: string, version: Version): string {
  return ANY_SPECIAL.test(text) ? text.replaceAll(SPECIAL[version], (char) => ESCAPED[char]!) : text
}
