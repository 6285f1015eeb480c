/** The socket of a client that may be refused, or cut, at any time. */
import { connect, type Socket } from 'node:net'
import { Random } from './frames.ts'

const DRAIN_MS = 1_000
/** The broker may keep a refused client waiting: that is nothing to wait for. */
const LEAVE_MS = 200

export function dial(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {}) // a reset is a fair answer
  return socket.setNoDelay()
}

export async function write(socket: Socket, bytes: Buffer): Promise<void> {
  if (socket.destroyed) return
  if (!socket.write(bytes)) {
    // the broker does not read from those who do not read: such a session ends here
    const timer = setTimeout(() => socket.destroy(), DRAIN_MS)
    await oneOf(socket, ['drain', 'close'])
    clearTimeout(timer)
  }
  await new Promise((resolve) => setImmediate(resolve))
}

/** Unlike `events.once` it does not mind errors, which are to be expected. */
export function oneOf(socket: Socket, events: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    for (const event of events) socket.once(event, () => resolve())
  })
}

/** In an orderly way or not. Resolves when it is gone. */
export async function leave(socket: Socket, random: Random): Promise<void> {
  if (random.once(2)) socket.destroy()
  else socket.end()
  if (socket.closed) return
  setTimeout(() => socket.destroy(), LEAVE_MS)
  await oneOf(socket, ['close'])
}

/** Sends what a session consists of, which does not depend on what is answered. @returns how many pieces it has sent */
export async function playPieces(
  port: number,
  pieces: (random: Random) => readonly Buffer[],
  seed: number,
): Promise<number> {
  const random = new Random(seed)
  const socket = dial(port)
  // who reads nothing is a client, too
  if (!random.once(20)) socket.resume()
  await oneOf(socket, ['connect', 'close'])
  let sent = 0
  for (const piece of pieces(random)) {
    if (socket.destroyed) break
    await write(socket, piece)
    sent++
  }
  await leave(socket, random)
  return sent
}
