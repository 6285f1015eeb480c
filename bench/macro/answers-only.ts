/**
 * What one Node.js thread can answer when there is no broker behind it: the ceiling of churn on this platform, as relay.mjs is that of
 * messages. Each method has its one answer, whatever it asks for; nothing is declared, kept, checked or delivered.
 *
 *     npm run bench:churn -- --brokers warrenmq,answers-only --only connection,channel,consumer
 */
import { createServer, type Socket } from 'node:net'

const METHOD = 1
const FRAME_END = 0xce
const HEADER_BYTES = 8

const id = (classId: number, methodId: number): number => classId * 0x1_0000 + methodId
const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 0xff])
const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value & 0xffff)])
const shortText = (text: string): Buffer => Buffer.from([text.length, ...Buffer.from(text)])
const longText = (text: string): Buffer => Buffer.concat([u32(text.length), Buffer.from(text)])

/** type 1 | channel 2 | bytes 4 | class 2 | method 2 | arguments | frame end 1 */
function frame(channel: number, classId: number, methodId: number, ...args: readonly Uint8Array[]): Buffer {
  const payload = Buffer.concat([u16(classId), u16(methodId), ...args])
  return Buffer.concat([Buffer.from([METHOD]), u16(channel), u32(payload.length), payload, Buffer.from([FRAME_END])])
}

const START = frame(0, 10, 10, Buffer.from([0, 9]), u32(0), longText('PLAIN'), longText('en_US'))

/** By method: what is answered, with arguments that do not depend on what was asked. */
const ANSWERS: ReadonlyMap<number, readonly [classId: number, methodId: number, ...Buffer[]]> = new Map([
  [id(10, 11), [10, 30, u16(2047), u32(131_072), u16(0)]],
  [id(10, 40), [10, 41, shortText('')]],
  [id(10, 50), [10, 51]],
  [id(20, 10), [20, 11, u32(0)]],
  [id(20, 40), [20, 41]],
  [id(40, 10), [40, 11]],
  [id(40, 20), [40, 21]],
  [id(50, 10), [50, 11, shortText('q'), u32(0), u32(0)]],
  [id(50, 20), [50, 21]],
  [id(50, 40), [50, 41, u32(0)]],
  [id(50, 50), [50, 51]],
])
const CONSUME = id(60, 20)
const CANCEL = id(60, 30)

/** The short text at `at`, with its length. */
const shortTextAt = (bytes: Buffer, at: number): Buffer => bytes.subarray(at, at + 1 + bytes[at]!)

const made = new Map<number, Buffer>()

function answerTo(bytes: Buffer, channel: number, method: number, at: number): Buffer | null {
  if (method === CONSUME) return frame(channel, 60, 21, shortTextAt(bytes, at + 3 + bytes[at + 2]!))
  if (method === CANCEL) return frame(channel, 60, 31, shortTextAt(bytes, at))
  const key = method * 0x1_0000 + channel
  let answer = made.get(key)
  if (answer === undefined) {
    const known = ANSWERS.get(method)
    if (known === undefined) return null
    answer = frame(channel, ...known)
    made.set(key, answer)
  }
  return answer
}

/** As the broker does it, what is to be sent goes at the end of the turn, in one write for each client. */
const waiting = new Map<Socket, Buffer[]>()

function send(socket: Socket, bytes: Buffer): void {
  if (waiting.size === 0) setImmediate(flush)
  const parts = waiting.get(socket)
  if (parts === undefined) waiting.set(socket, [bytes])
  else parts.push(bytes)
}

function flush(): void {
  for (const [socket, parts] of waiting) socket.write(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
  waiting.clear()
}

function serve(socket: Socket): void {
  let isGreeted = false
  socket.on('error', () => socket.destroy())
  // the load generators send whole frames, and what they send fits into one read
  socket.on('data', (bytes: Buffer) => {
    let at = 0
    if (!isGreeted) {
      isGreeted = true
      at = HEADER_BYTES
      send(socket, START)
    }
    while (at < bytes.length) {
      if (bytes[at] === METHOD) {
        const answer = answerTo(bytes, bytes.readUInt16BE(at + 1), bytes.readUInt32BE(at + 7), at + 11)
        if (answer !== null) send(socket, answer)
      }
      at += 8 + bytes.readUInt32BE(at + 3)
    }
  })
}

createServer({ noDelay: true }, serve).listen(Number(process.argv[2]), '127.0.0.1')
