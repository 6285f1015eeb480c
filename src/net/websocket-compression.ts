import type { IncomingMessage } from 'node:http'
import type { ServerOptions } from 'ws'

// permessage-deflate (RFC 7692). Its streams are made with the first message that is compressed, and stay for as long as the connection.

/** The window to compress with, as a power of two. */
const WINDOW_BITS = 12

/**
 * A connection that is sent compressed messages takes 128 KiB for it, with zlib's defaults it would be 290 (64 of both is a table that Node's zlib
 * has at any setting). JSON comes down to the same size with both: 1 KiB to 28 %, 4 KiB to 20 %, and 256 KiB to 16 rather than 15 %. To decompress
 * takes 44 KiB: a smaller window could be demanded of those clients only that offer one, and `ws` would refuse the others.
 *
 * Each message is compressed by itself. Then lengths do not tell a client what else is in the messages of another publisher, and short messages,
 * of which a third would be saved, go out at once as they are, without a turn in libuv's pool. Clients may let messages refer to earlier
 * ones: the window is there anyway.
 *
 * At most two messages of all connections are compressed or decompressed at a time: libuv's pool has four threads, and the syncs of the disk
 * need one, too. It also bounds how many messages are being blown up, each as far as `maxPayload`. Of a client that is held back what was read from
 * its socket by then is still decompressed: two times 64 KiB, which come to 128 MiB if they are nothing but zeros.
 */
export const COMPRESSION = {
  serverMaxWindowBits: WINDOW_BITS,
  serverNoContextTakeover: true,
  threshold: 1024,
  concurrencyLimit: 2,
  zlibDeflateOptions: { memLevel: 5 },
} as const satisfies ServerOptions['perMessageDeflate']

/** Takes back the offer of a client that has room for a smaller window only: `ws` would answer 400, and is to go on without (RFC 7692, section 7). */
export function declineSmallWindows({ headers }: IncomingMessage): void {
  const offer = headers['sec-websocket-extensions'] ?? ''
  for (const [, bits] of offer.matchAll(/server_max_window_bits\s*=\s*"?(\d+)/gi)) {
    if (Number(bits) < WINDOW_BITS) delete headers['sec-websocket-extensions']
  }
}
