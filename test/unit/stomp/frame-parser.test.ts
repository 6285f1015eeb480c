import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Frame, Version } from '../../../src/protocols/stomp/frame.ts'
import { type FrameLimits, FrameParser } from '../../../src/protocols/stomp/frame-parser.ts'

const LIMITS: FrameLimits = { head: 200, headers: 10, openBody: 50, countedBody: 100 }

interface Parsed {
  readonly frames: string[]
  readonly error: string | null
}

const shown = ({ command, headers, body }: Frame): string =>
  JSON.stringify([command, Object.fromEntries(headers), body.toString('latin1')])

function parse(pieces: readonly Buffer[], version: Version = '1.2', limits = LIMITS): Parsed {
  const frames: string[] = []
  const parser = new FrameParser({ onFrame: (frame) => frames.push(shown(frame)) }, limits)
  parser.version = version
  try {
    for (const piece of pieces) parser.push(piece)
    return { frames, error: null }
  } catch (error) {
    return { frames, error: (error as Error).message }
  }
}

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1')

/** In two pieces, at every place, and octet by octet. */
function* everyCut(bytes: Buffer): Iterable<Buffer[]> {
  for (let at = 0; at <= bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)]
  yield [...bytes].map((octet) => Buffer.of(octet))
}

/** Whatever the pieces, the frames are the same, and so is the error, if there is one. */
function checkEveryCut(text: string, expected: Parsed, version?: Version): void {
  for (const pieces of everyCut(bytesOf(text))) assert.deepEqual(parse(pieces, version), expected)
}

const one = (command: string, headers: Record<string, string> = {}, body = ''): string =>
  JSON.stringify([command, headers, body])

describe('frames, cut everywhere', () => {
  const sound: readonly (readonly [name: string, text: string, frames: string[], version?: Version])[] = [
    ['a command alone', 'BEGIN\n\n\0', [one('BEGIN')]],
    ['headers', 'SEND\na:1\nb:\n\n\0', [one('SEND', { a: '1', b: '' })]],
    ['a body up to its NUL', 'SEND\n\nbody\0', [one('SEND', {}, 'body')]],
    [
      'a body of a length',
      'SEND\ncontent-length:5\n\na\0b\n\0\0',
      [one('SEND', { 'content-length': '5' }, 'a\0b\n\0')],
    ],
    ['a body of no length', 'SEND\ncontent-length:0\n\n\0', [one('SEND', { 'content-length': '0' })]],
    ['line ends and NULs between frames', '\n\r\n\0SEND\n\n\0\n\n\0\r\nSEND\n\n\0\n', [one('SEND'), one('SEND')]],
    ['lines that end with CR', 'SEND\r\na:1\r\n\r\nx\0', [one('SEND', { a: '1' }, 'x')]],
    ['the first of headers that are repeated', 'SEND\na:1\na:2\n\n\0', [one('SEND', { a: '1' })]],
    ['colons in values', 'SEND\na:b:c\n\n\0', [one('SEND', { a: 'b:c' })]],
    ['escapes', 'SEND\na\\cb:\\n\\r\\\\\\c\n\n\0', [one('SEND', { 'a:b': '\n\r\\:' })]],
    ['none in 1.0, where blanks go', 'SEND\na:  \\n\n\n\0', [one('SEND', { a: '\\n' })], '1.0'],
    ['none in CONNECT', 'CONNECT\na:\\n\n\n\0', [one('CONNECT', { a: '\\n' })]],
    ['blanks stay afterwards', 'SEND\na: 1 \n\n\0', [one('SEND', { a: ' 1 ' })]],
    [
      'names that objects have',
      'SEND\n__proto__:1\nconstructor:2\n\n\0',
      [one('SEND', { ['__proto__']: '1', constructor: '2' })],
    ],
  ]
  for (const [name, text, frames, version] of sound) {
    test(name, () => checkEveryCut(text, { frames, error: null }, version))
  }

  test('text in UTF-8', () => {
    const bytes = Buffer.from('SEND\nä:ö€\n\n😀\0')
    for (const pieces of everyCut(bytes)) {
      const body = Buffer.from('😀').toString('latin1')
      assert.deepEqual(parse(pieces).frames, [one('SEND', { ä: 'ö€' }, body)])
    }
  })
})

describe('what is no frame, cut everywhere', () => {
  const broken: readonly (readonly [name: string, text: string, problem: string])[] = [
    ['a line without a colon', 'SEND\nabc\n\n\0', "a header without a colon: 'abc'"],
    ['one where a password may be', 'CONNECT\npasscode secret\n\n\0', 'a header without a colon'],
    ['an unknown escape', 'SEND\na:\\t\n\n\0', "'\\t' is no escape in a header"],
    ['half an escape', 'SEND\na:\\\n\n\0', "'\\' is no escape in a header"],
    ['a NUL among headers', 'SEND\na:1\0', 'a NUL among the headers: a blank line ends them'],
    ['a NUL in a command', 'SE\0ND\n\n\0', 'a NUL among the headers: a blank line ends them'],
    ['no UTF-8', 'SEND\na:\xff\n\n\0', 'a header that is not UTF-8'],
    ['a length that is none', 'SEND\ncontent-length:1e3\n\n\0', "the content-length is no number of bytes: '1e3'"],
    [
      'a body that goes on',
      'SEND\ncontent-length:1\n\nab\0',
      'no NUL where the content-length says that the body ends',
    ],
    ['a length beyond the limit', 'SEND\ncontent-length:101\n\n', 'a body of 101 bytes, and at most 100 are taken'],
    ['a body beyond the limit', `SEND\n\n${'x'.repeat(51)}\0`, 'a body of more than 50 bytes'],
    ['too many headers', `SEND\n${'a:1\n'.repeat(11)}\n\0`, 'more than 10 headers'],
    ['headers that are too long', `SEND\na:${'x'.repeat(200)}\n\n\0`, 'the headers are longer than 200 bytes'],
    ['a command that is too long', 'x'.repeat(201), 'the headers are longer than 200 bytes'],
  ]
  for (const [name, text, problem] of broken) {
    test(name, () => {
      // what came before is handed on, what comes after is not
      const expected = { frames: [one('BEGIN')], error: `Malformed frame: ${problem}` }
      checkEveryCut(`BEGIN\n\n\0${text}`, expected)
    })
  }
})

describe('limits', () => {
  test('are those of a frame, not of a connection', () => {
    const frame = bytesOf(`SEND\na:${'x'.repeat(150)}\n\n${'y'.repeat(50)}\0`)
    assert.equal(parse(Array.from({ length: 20 }, () => frame)).frames.length, 20)
  })

  test('a body of just as much as is allowed', () => {
    for (const text of [`SEND\n\n${'x'.repeat(50)}\0`, `SEND\ncontent-length:100\n\n${'x'.repeat(100)}\0`]) {
      for (const pieces of everyCut(bytesOf(text))) assert.equal(parse(pieces).error, null)
    }
  })
})

describe('a pause', () => {
  test('holds what has come and what comes, and nothing is lost', () => {
    const text = bytesOf('A\n\n\0B\n\n\0C\nx:y\n\nz\0')
    for (const pieces of everyCut(text)) {
      const frames: string[] = []
      const parser: FrameParser = new FrameParser(
        {
          onFrame(frame) {
            frames.push(frame.command)
            parser.paused = true
          },
        },
        LIMITS,
      )
      for (const piece of pieces) parser.push(piece)
      assert.deepEqual(frames, ['A'])
      parser.resume()
      assert.deepEqual(frames, ['A', 'B'])
      parser.resume()
      assert.deepEqual(frames, ['A', 'B', 'C'])
    }
  })

  test('may end in the frame that began it', () => {
    const frames: string[] = []
    const parser: FrameParser = new FrameParser(
      {
        onFrame(frame) {
          frames.push(frame.command)
          parser.paused = true
          parser.resume()
        },
      },
      LIMITS,
    )
    parser.push(bytesOf('A\n\n\0B\n\n\0'))
    assert.deepEqual(frames, ['A', 'B'])
  })

  test('a stop is for good', () => {
    const frames: string[] = []
    const parser: FrameParser = new FrameParser(
      {
        onFrame(frame) {
          frames.push(frame.command)
          parser.stop()
        },
      },
      LIMITS,
    )
    parser.push(bytesOf('A\n\n\0B\n\n\0'))
    parser.push(bytesOf('C\n\n\0'))
    parser.resume()
    assert.deepEqual(frames, ['A'])
  })
})
