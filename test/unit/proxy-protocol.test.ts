import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProxyHeader, ProxyProtocolError } from '../../src/net/proxy-protocol.ts'

const SIGNATURE = '0d0a0d0a000d0a515549540a'

function v2(command: number, family: number, payload: Buffer, length = payload.length): Buffer {
  const fixed = Buffer.from(`${SIGNATURE}00000000`, 'hex')
  fixed[12] = command
  fixed[13] = family
  fixed.writeUInt16BE(length, 14)
  return Buffer.concat([fixed, payload])
}

const ipv4 = Buffer.from('c0000201c0000209dc041628', 'hex')
const ipv6 = Buffer.from(`20010db8${'00'.repeat(11)}01${'00'.repeat(15)}01dc041628`, 'hex')

test('version 1 names the client, and what follows is left alone', () => {
  const line = 'PROXY TCP4 192.0.2.1 192.0.2.9 56324 5672\r\n'
  assert.deepEqual(parseProxyHeader(Buffer.from(`${line}AMQP`)), {
    length: line.length,
    client: { address: '192.0.2.1', port: 56_324, localAddress: '192.0.2.9', localPort: 5672 },
  })
  const six = parseProxyHeader(Buffer.from('PROXY TCP6 2001:db8::1 ::1 1 2\r\n'))
  assert.deepEqual(six?.client, { address: '2001:db8::1', port: 1, localAddress: '::1', localPort: 2 })
})

test('version 1 with an unknown client keeps the addresses of the socket', () => {
  const line = 'PROXY UNKNOWN ffff::1 whatever\r\n'
  assert.deepEqual(parseProxyHeader(Buffer.from(line)), { length: line.length, client: null })
})

test('version 2 over IPv4 and IPv6, with further facts skipped', () => {
  const facts = Buffer.from('0100026832', 'hex')
  assert.deepEqual(parseProxyHeader(v2(0x21, 0x11, Buffer.concat([ipv4, facts]))), {
    length: 16 + ipv4.length + facts.length,
    client: { address: '192.0.2.1', port: 56_324, localAddress: '192.0.2.9', localPort: 5672 },
  })
  assert.deepEqual(parseProxyHeader(v2(0x21, 0x21, ipv6))?.client, {
    address: '2001:db8::1',
    port: 56_324,
    localAddress: '::1',
    localPort: 5672,
  })
})

test('version 2 LOCAL, Unix and unspecified say nothing about a client', () => {
  assert.deepEqual(parseProxyHeader(v2(0x20, 0x11, ipv4)), { length: 28, client: null })
  assert.deepEqual(parseProxyHeader(v2(0x20, 0x00, Buffer.alloc(0))), { length: 16, client: null })
  assert.deepEqual(parseProxyHeader(v2(0x21, 0x31, Buffer.alloc(216))), { length: 232, client: null })
})

test('a header that comes in pieces is waited for', () => {
  for (const header of [Buffer.from('PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n'), v2(0x21, 0x11, ipv4)]) {
    for (let length = 0; length < header.length; length++) {
      assert.equal(parseProxyHeader(header.subarray(0, length)), null, `${length} bytes`)
    }
    assert.equal(parseProxyHeader(header)?.length, header.length)
  }
})

test('anything else is refused, as early as it can be', () => {
  const refused: [string, Buffer, RegExp][] = [
    ['no header', Buffer.from('AMQP\0\0\u0009\u0001'), /does not begin with/],
    ['first byte', Buffer.from('X'), /does not begin with/],
    ['a signature that goes wrong', Buffer.from('0d0a0d0b', 'hex'), /does not begin with/],
    ['an endless line', Buffer.from(`PROXY TCP4 ${'1'.repeat(100)}`), /longer than 107/],
    ['a long line', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100)}\r\n`), /longer than 107/],
    ['a family of its own', Buffer.from('PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n'), /malformed/],
    ['the wrong family', Buffer.from('PROXY TCP4 ::1 ::1 1 2\r\n'), /malformed/],
    ['a missing word', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n'), /malformed/],
    ['a port too high', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n'), /malformed port/],
    ['a port with a sign', Buffer.from('PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n'), /malformed port/],
    ['version 3', v2(0x31, 0x11, ipv4), /version 3/],
    ['a command of its own', v2(0x22, 0x11, ipv4), /command 2/],
    ['too short for its addresses', v2(0x21, 0x11, ipv4.subarray(0, 8)), /too short/],
    ['too long', v2(0x21, 0x11, ipv4, 521), /537 bytes is too long/],
  ]
  for (const [name, bytes, text] of refused) {
    assert.throws(
      () => parseProxyHeader(bytes),
      (error) => error instanceof ProxyProtocolError && text.test(error.message),
      name,
    )
  }
})
