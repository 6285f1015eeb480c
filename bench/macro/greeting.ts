import { connect } from 'node:net'

const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
const FRAME_HEADER_BYTES = 7
const ANSWER_MS = 5000
const VERSION = Buffer.from('\x07versionS', 'latin1')

/**
 * What a broker says of itself in its connection.start (AMQP 0-9-1, section 1.4.2.1); null when there is no answer.
 * Also the way to find out that a broker is ready, since some open their port before they answer.
 */
export function greet(host: string, port: number): Promise<{ version: string } | null> {
  return new Promise((resolve) => {
    let received = Buffer.alloc(0)
    const socket = connect(port, host)
    const end = (answer: { version: string } | null): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(ANSWER_MS, () => end(null))
    socket.once('error', () => end(null))
    socket.once('close', () => end(null))
    socket.once('connect', () => socket.write(PROTOCOL_HEADER))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length < FRAME_HEADER_BYTES) return
      const frameEnd = FRAME_HEADER_BYTES + received.readUInt32BE(3) + 1
      if (received.length >= frameEnd) end({ version: versionIn(received.subarray(0, frameEnd)) })
    })
  })
}

function versionIn(frame: Buffer): string {
  const at = frame.indexOf(VERSION)
  if (at === -1) return ''
  const start = at + VERSION.length + 4
  return frame.toString('utf8', start, start + frame.readUInt32BE(start - 4))
}
