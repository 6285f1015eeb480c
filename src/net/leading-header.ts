import type { Socket } from 'node:net'
import { clearTimeout, setTimeout } from '../util/real-time.ts'

/** What a connection begins with is no header; the text says why. */
export class HeaderError extends Error {}

export interface LeadingHeader<T> {
  readonly timeoutMs: number
  /** Why a connection is refused that does not say enough in time. */
  readonly lateReason: string
  /**
   * @param received all that the connection has brought so far
   * @returns null when more bytes are needed
   * @throws HeaderError as soon as it cannot be a header any more
   */
  parse(received: Buffer): { readonly header: T; readonly bytes: number } | null
  /** The socket is paused, and has what came after the header. */
  onHeader(header: T): void
  /** The socket is destroyed after it. */
  onRefused(reason: string): void
}

/** Reads a header that is ahead of what a connection is for. Until then the socket is nobody else's; its errors are the caller's to listen to. */
export function readLeadingHeader<T>(socket: Socket, options: LeadingHeader<T>): void {
  let received: Buffer = Buffer.alloc(0)
  const timer = setTimeout(() => refuse(options.lateReason), options.timeoutMs)
  const stop = (): void => {
    clearTimeout(timer)
    socket.off('data', onData)
    socket.off('close', stop)
  }
  const refuse = (reason: string): void => {
    stop()
    options.onRefused(reason)
    socket.destroy()
  }
  const onData = (chunk: Buffer): void => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    let found: ReturnType<typeof options.parse>
    try {
      found = options.parse(received)
    } catch (error) {
      if (!(error instanceof HeaderError)) throw error
      return refuse(error.message)
    }
    if (found === null) return
    stop()
    socket.pause()
    if (received.length > found.bytes) socket.unshift(received.subarray(found.bytes))
    options.onHeader(found.header)
  }
  socket.on('data', onData)
  socket.once('close', stop)
}
