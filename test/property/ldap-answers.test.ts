import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import { LdapConnection, LdapError } from '../../src/auth/ldap/ldap-connection.ts'
import { BerError, encode, encodeNumber, MessageSplitter } from '../../src/auth/ldap/ber.ts'
import { readAnswer } from '../../src/auth/ldap/messages.ts'
import { systemClock } from '../../src/util/system-clock.ts'

const { value } = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc
      .tuple(fc.constantFrom(0x01, 0x02, 0x04, 0x0a, 0x80, 0x87, 0x8a, 0x8b), fc.uint8Array({ maxLength: 5 }))
      .map(([tag, content]) => encode(tag, Buffer.from(content))),
    fc
      .tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), fc.array(tie('value'), { maxLength: 4 }))
      .map(([tag, parts]) => encode(tag, ...parts)),
  ),
}))

/** A message with any content, as an answer to what was asked. */
const message = fc
  .tuple(
    fc.integer({ min: 0, max: 4 }),
    fc.constantFrom(0x61, 0x64, 0x65, 0x73, 0x78, 0x42),
    fc.array(value, { maxLength: 5 }),
  )
  .map(([id, operation, parts]) => encode(0x30, encodeNumber(id), encode(operation, ...parts)))

describe('what a directory sends', () => {
  test('comes out in messages, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 40 })), (messages, cuts) => {
        const all = Buffer.concat(messages)
        const splitter = new MessageSplitter()
        const found: Buffer[] = []
        let at = 0
        for (const cut of [...cuts, all.length]) {
          found.push(...splitter.push(all.subarray(at, at + cut)))
          at = Math.min(all.length, at + cut)
        }
        assert.deepEqual(found, messages)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('is refused where it is not sound', () => {
    const cut = {
      'begin like one': '04020000',
      'length cannot be read': '3080',
      'of too many bytes': '308500000000',
      'is too long': '3084fffffff0',
    }
    for (const [what, hex] of Object.entries(cut)) {
      assert.throws(() => new MessageSplitter().push(Buffer.from(hex, 'hex')), BerError, what)
    }
    const read = {
      'than what it is part of': '30050201016102',
      'no number': '300502006103',
      'a number of 5 bytes': '300a02050000000001610100',
      'no operation': '3003020101',
      'an unknown operation': '30050201016000',
      'an attribute without values': '300f020101640a04000006300404026161',
      nothing: '3000',
    }
    for (const [what, hex] of Object.entries(read)) {
      assert.throws(() => readAnswer(Buffer.from(hex, 'hex')), BerError, what)
    }
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), message), (bytes) => {
        try {
          for (const found of new MessageSplitter().push(Buffer.from(bytes))) readAnswer(found)
        } catch (error) {
          assert.ok(error instanceof BerError, String(error))
        }
      }),
      { seed: 2, numRuns: 3000 },
    )
  })

  test('has numbers as they were written', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 31 - 1 }), (id) => {
        const bytes = encode(0x30, encodeNumber(id), encode(0x65, encodeNumber(0, 0x0a)))
        assert.deepEqual(readAnswer(bytes), { id, kind: 'done', code: 0 })
      }),
      { seed: 4 },
    )
  })

  describe('in sound messages', () => {
    const answers: Buffer[] = []
    const clock = systemClock()
    let server: Server
    before(async () => {
      server = createServer((socket) => {
        socket.on('error', () => {})
        socket.once('data', () => socket.end(answers.pop()!))
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    })
    after(() => {
      server.close()
      clock.close()
    })

    test('ends in an answer or an error, whatever it says', async () => {
      const { port } = server.address() as AddressInfo
      const target = { host: '127.0.0.1', port, security: 'none', tls: {}, timeoutMs: 10_000, clock } as const
      const search = { base: 'dc=x', scope: 'base', filter: null, attributes: ['cn'] } as const
      await fc.assert(
        fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 4 }), fc.boolean(), async (messages, binds) => {
          answers.push(Buffer.concat(messages))
          const connection = await LdapConnection.open(target)
          try {
            await (binds ? connection.bind('cn=x', 'secret') : connection.search(search))
          } catch (error) {
            assert.ok(error instanceof LdapError, String(error))
          } finally {
            connection.close()
          }
        }),
        { seed: 3, numRuns: 300 },
      )
    })
  })
})
