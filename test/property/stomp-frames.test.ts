/** What the broker writes is what a parser finds: any headers and any body, in any pieces. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDestination, parseDestination, routeOf } from '../../src/protocols/stomp/destinations.ts'
import type { Frame, Version } from '../../src/protocols/stomp/frame.ts'
import { FrameParser } from '../../src/protocols/stomp/frame-parser.ts'
import { headOf } from '../../src/protocols/stomp/frame-writer.ts'

const LIMITS = { head: 1e6, headers: 1e4, openBody: 1e6, countedBody: 1e6 }

/** Well-formed text without NUL, which no header can have. */
const text = fc.string({ unit: 'binary', maxLength: 30 }).map((value) => value.replaceAll('\0', ''))
const nasty = fc.string({ unit: fc.constantFrom(':', '\\', '\n', 'n', 'c', 'r', ' ', 'ä', '\r'), maxLength: 12 })
const value = fc.oneof(text, nasty)
const named = fc.uniqueArray(fc.tuple(value, value), { maxLength: 12, selector: ([name]) => name })
const isPlain = ([name]: readonly [string, string]): boolean => name !== 'content-length'

function parse(bytes: Buffer, pieces: readonly number[], version: Version): Frame[] {
  const frames: Frame[] = []
  const parser = new FrameParser({ onFrame: (frame) => frames.push(frame) }, LIMITS)
  parser.version = version
  let at = 0
  for (const piece of pieces) {
    parser.push(bytes.subarray(at, at + piece))
    at += piece
  }
  parser.push(bytes.subarray(at))
  return frames
}

for (const version of ['1.1', '1.2'] as const) {
  test(`headers and bodies survive in version ${version}`, () => {
    const property = fc.property(
      fc.array(fc.tuple(named, fc.uint8Array({ maxLength: 200 })), { maxLength: 4 }),
      fc.array(fc.integer({ min: 0, max: 40 })),
      (sent, pieces) => {
        // 1.1 cannot write CR, with which a line may end
        const clean = (word: string): string => (version === '1.1' ? word.replaceAll('\r', '') : word)
        const frames = sent.map(([headers, body]) => ({
          headers: new Map(headers.filter(isPlain).map(([name, word]) => [clean(name), clean(word)])),
          body: Buffer.from(body),
        }))
        const bytes = frames.map(({ headers, body }) =>
          Buffer.concat([Buffer.from(headOf('SEND', [...headers], body.length, version)), body, Buffer.from('\0\n')]),
        )
        const got = parse(Buffer.concat(bytes), pieces, version)
        assert.equal(got.length, frames.length)
        for (const [i, { headers, body }] of frames.entries()) {
          const found = new Map(got[i]!.headers)
          found.delete('content-length')
          assert.deepEqual([...found], [...headers])
          assert.ok(got[i]!.body.equals(body))
        }
      },
    )
    fc.assert(property, { numRuns: 1000 })
  })
}

test('octets are frames or an error, never a crash', () => {
  const octet = fc.constantFrom(...Buffer.from('SEND\n:\\\r\0content-length:1 \xff', 'latin1'))
  const property = fc.property(
    fc.array(octet, { maxLength: 80 }),
    fc.array(fc.integer({ min: 0, max: 9 })),
    (octets, pieces) => {
      const outcome = (cuts: readonly number[]): unknown => {
        try {
          return parse(Buffer.from(octets), cuts, '1.2').map(({ command, headers, body }) => [
            command,
            [...headers],
            body.toString('hex'),
          ])
        } catch (error) {
          assert.equal((error as Error).name, 'FrameError')
          return (error as Error).message
        }
      }
      assert.deepEqual(outcome(pieces), outcome([]))
    },
  )
  fc.assert(property, { numRuns: 2000 })
})

test('a destination of a message leads back to where it was published', () => {
  // others are escaped, and only slashes are found again, as in RabbitMQ
  const name = fc.string({
    unit: fc.constantFrom('a', 'B', '0', '.', '-', '/', '#', '*', ' '),
    minLength: 1,
    maxLength: 40,
  })
  const property = fc.property(name, name, fc.constantFrom('', 'amq.topic', null), (exchange, key, known) => {
    const from = known ?? exchange
    const route = routeOf(parseDestination(formatDestination(from, key, 'amq.topic')), 'amq.topic')
    assert.deepEqual(route, { exchange: from, key })
  })
  fc.assert(property)
})
