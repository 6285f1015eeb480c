import { connect, type Socket } from 'node:net'
import { frameBytes, type FrameHeaders, type ReceivedFrame } from '../../support/stomp-wire.ts'
import { News } from '../news.ts'

/** One connection of a STOMP 1.2 client. */
export class RawClient {
  closed = false
  readonly whenClosed: Promise<void>
  readonly #socket: Socket
  readonly #onFrame: (frame: ReceivedFrame) => void
  /** What is called when a receipt comes, by its id. */
  readonly #receipts = new Map<string, () => void>()
  readonly #news = new News(() => this.closed)
  #received: Buffer = Buffer.alloc(0)
  #lastReceipt = 0

  private constructor(port: number, onFrame: (frame: ReceivedFrame) => void) {
    this.#onFrame = onFrame
    const socket = connect({ host: '127.0.0.1', port, noDelay: true })
    this.#socket = socket
    socket.on('data', (chunk) => this.#onData(chunk))
    socket.on('error', () => {})
    this.whenClosed = new Promise((resolve) => {
      socket.once('close', () => {
        this.closed = true
        this.#news.wake()
        resolve()
      })
    })
  }

  /** @param onFrame gets all frames but CONNECTED and RECEIPT @returns null where the broker is gone before it has answered */
  static async connect(port: number, onFrame: (frame: ReceivedFrame) => void): Promise<RawClient | null> {
    let connected = false
    const client = new RawClient(port, (frame) => {
      if (frame.command === 'CONNECTED') connected = true
      else onFrame(frame)
    })
    client.send('CONNECT', { 'accept-version': '1.2', host: '/', login: 'guest', passcode: 'guest' })
    return (await client.until(() => connected)) ? client : null
  }

  send(command: string, headers: FrameHeaders, body: string | Buffer = ''): void {
    if (!this.closed) this.#socket.write(frameBytes(command, headers, body))
  }

  /** @param done called when the receipt comes, if it does */
  sendWithReceipt(command: string, headers: FrameHeaders, body: string | Buffer, done: () => void): void {
    const receipt = String(++this.#lastReceipt)
    this.#receipts.set(receipt, done)
    this.send(command, { ...headers, receipt }, body)
  }

  /** How many receipts have not come. */
  get unanswered(): number {
    return this.#receipts.size
  }

  /** Until the condition holds, looked at whenever something has come. @returns whether it does: not where the connection ends before */
  until(condition: () => boolean): Promise<boolean> {
    return this.#news.until(condition)
  }

  #onData(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    for (let frame = this.#next(); frame !== null; frame = this.#next()) {
      const receipt = frame.command === 'RECEIPT' ? frame.headers['receipt-id']! : null
      if (receipt === null) this.#onFrame(frame)
      else {
        this.#receipts.get(receipt)?.()
        this.#receipts.delete(receipt)
      }
    }
    this.#news.wake()
  }

  /** Null where it is not there as a whole. */
  #next(): ReceivedFrame | null {
    let start = 0
    while (this.#received[start] === 10) start++
    const headEnd = this.#received.indexOf('\n\n', start)
    if (headEnd < 0) return null
    const [command, ...lines] = this.#received.toString('utf8', start, headEnd).split('\n')
    const headers = Object.fromEntries(lines.map((line) => line.split(/:(.*)/s, 2) as [string, string]))
    const body = headEnd + 2
    const end = 'content-length' in headers ? body + Number(headers['content-length']) : this.#received.indexOf(0, body)
    if (end < body || end >= this.#received.length) return null
    const frame = { command: command!, headers, body: this.#received.subarray(body, end) }
    this.#received = this.#received.subarray(end + 1)
    return frame
  }
}
