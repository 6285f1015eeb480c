import { isIPv4, isIPv6 } from 'node:net'
import { HeaderError } from './leading-header.ts'

/**
 * The header that a TCP proxy puts before the client's own bytes to tell who the client is: HAProxy's "PROXY protocol".
 *
 * Version 1 is a line of at most 107 bytes:
 *
 *     PROXY TCP4 192.0.2.1 192.0.2.9 56324 5672\r\n        (or TCP6, or UNKNOWN followed by anything)
 *
 * Version 2 is binary:
 *
 *     0  12  0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A
 *     12  1  version 2 in the high bits; 0 LOCAL, 1 PROXY in the low ones
 *     13  1  family in the high bits (1 IPv4, 2 IPv6, 3 Unix), 1 stream or 2 datagram in the low ones
 *     14  2  length of what follows
 *     16  …  source address, destination address, source port, destination port; then TLVs, which are skipped
 */
export interface ProxyHeader {
  /** Bytes of the header; the client's own begin after them. */
  readonly length: number
  /** Null when the proxy speaks for itself (LOCAL, a health check) or cannot tell. */
  readonly client: {
    readonly address: string
    readonly port: number
    readonly localAddress: string
    readonly localPort: number
  } | null
}

/** No header may be longer: 16 bytes, two Unix addresses, and room for TLVs. */
export const PROXY_HEADER_BYTES_MAX = 536

/** The bytes are not a PROXY protocol header. */
export class ProxyProtocolError extends HeaderError {
  constructor(text: string) {
    super(text)
    this.name = 'ProxyProtocolError'
  }
}

const V1_BYTES_MAX = 107
const V1_START = Buffer.from('PROXY ', 'latin1')
const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
const V2_FIXED_BYTES = 16

/**
 * @param bytes all that the connection has brought so far
 * @returns null when more bytes are needed
 * @throws ProxyProtocolError as soon as it cannot be a header any more
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | null {
  if (bytes.length === 0) return null
  if (startsAs(bytes, V2_SIGNATURE)) return parseV2(bytes)
  if (startsAs(bytes, V1_START)) return parseV1(bytes)
  throw new ProxyProtocolError('the connection does not begin with a PROXY protocol header')
}

/** Whether the bytes, as far as they have come, agree with `expected`. */
function startsAs(bytes: Buffer, expected: Buffer): boolean {
  const length = Math.min(bytes.length, expected.length)
  return bytes.compare(expected, 0, length, 0, length) === 0
}

function parseV1(bytes: Buffer): ProxyHeader | null {
  const end = bytes.indexOf('\r\n', 0, 'latin1')
  if (end < 0 ? bytes.length >= V1_BYTES_MAX : end + 2 > V1_BYTES_MAX) {
    throw new ProxyProtocolError(`the PROXY line is longer than ${V1_BYTES_MAX} bytes`)
  }
  if (end < 0) return null
  const words = bytes.toString('latin1', 0, end).split(' ')
  const length = end + 2
  if (words[1] === 'UNKNOWN') return { length, client: null }
  const [, family, address = '', localAddress = '', port = '', localPort = ''] = words
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null
  if (isAddress === null || words.length !== 6 || !isAddress(address) || !isAddress(localAddress)) {
    throw new ProxyProtocolError('the PROXY line is malformed')
  }
  return { length, client: { address, port: parsePort(port), localAddress, localPort: parsePort(localPort) } }
}

function parsePort(digits: string): number {
  const port = Number(digits)
  if (!/^\d{1,5}$/.test(digits) || port > 65_535) throw new ProxyProtocolError('the PROXY line has a malformed port')
  return port
}

function parseV2(bytes: Buffer): ProxyHeader | null {
  if (bytes.length < V2_FIXED_BYTES) return null
  const version = bytes[12]! >> 4
  const command = bytes[12]! & 15
  if (version !== 2) throw new ProxyProtocolError(`PROXY protocol version ${version} is not known`)
  if (command > 1) throw new ProxyProtocolError(`PROXY command ${command} is not known`)
  const length = V2_FIXED_BYTES + bytes.readUInt16BE(14)
  if (length > PROXY_HEADER_BYTES_MAX) throw new ProxyProtocolError(`a PROXY header of ${length} bytes is too long`)
  if (bytes.length < length) return null
  const addressBytes = { 0x11: 4, 0x21: 16 }[bytes[13]!]
  // LOCAL, Unix sockets, datagrams, unspecified: the header says nothing about a TCP client.
  if (command === 0 || addressBytes === undefined) return { length, client: null }
  const ports = V2_FIXED_BYTES + 2 * addressBytes
  if (length < ports + 4) throw new ProxyProtocolError('the PROXY header is too short for its addresses')
  return {
    length,
    client: {
      address: formatAddress(bytes.subarray(V2_FIXED_BYTES, V2_FIXED_BYTES + addressBytes)),
      port: bytes.readUInt16BE(ports),
      localAddress: formatAddress(bytes.subarray(V2_FIXED_BYTES + addressBytes, ports)),
      localPort: bytes.readUInt16BE(ports + 2),
    },
  }
}

function formatAddress(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  // The URL parser shortens an IPv6 address the way RFC 5952 asks for.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
