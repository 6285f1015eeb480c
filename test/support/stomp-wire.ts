import { type Cut, whole, WireClient } from '../wire/wire-client.ts'

export type StompVersion = '1.0' | '1.1' | '1.2'

export interface ReceivedFrame {
  readonly command: string
  /** As they are on the wire, with their escapes. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export type FrameHeaders = Readonly<Record<string, string | number | boolean>>

/** Header values are written as they are. */
export function frameBytes(command: string, headers: FrameHeaders = {}, body: string | Buffer = ''): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  return Buffer.concat([Buffer.from(`${command}\n${lines.join('')}\n`), Buffer.from(body), Buffer.of(0)])
}

/** A socket that speaks STOMP as it is told. */
export class StompWire {
  readonly wire: WireClient
  #receipts = 0

  private constructor(wire: WireClient) {
    this.wire = wire
  }

  static async open(url: string, cut: Cut = whole): Promise<StompWire> {
    const { hostname, port } = new URL(url)
    return new StompWire(await WireClient.connect(hostname, Number(port), cut))
  }

  /** With CONNECT and its answer. */
  static async connect(url: string, headers: FrameHeaders = {}): Promise<StompWire> {
    const client = await StompWire.open(url)
    await client.send('CONNECT', { 'accept-version': '1.2', host: '/', login: 'guest', passcode: 'guest', ...headers })
    await client.expect('CONNECTED')
    return client
  }

  async send(command: string, headers: FrameHeaders = {}, body: string | Buffer = ''): Promise<void> {
    await this.wire.send(frameBytes(command, headers, body))
  }

  /** The next frame; null when the broker closes the connection first. */
  async next(): Promise<ReceivedFrame | null> {
    let head = ''
    while (!head.endsWith('\n\n')) {
      const byte = await this.wire.bytes(1)
      if (byte.length === 0) return null
      // heart-beats, and the line end that follows each frame
      if (head === '' && byte[0] === 10) continue
      head += byte.toString('latin1')
    }
    const [command, ...lines] = Buffer.from(head, 'latin1').toString('utf8').trimEnd().split('\n')
    const headers: Record<string, string> = {}
    for (const line of lines) headers[line.slice(0, line.indexOf(':'))] ??= line.slice(line.indexOf(':') + 1)
    const body = await this.wire.bytes(Number(headers['content-length'] ?? 0))
    const [end] = await this.wire.bytes(1)
    if (end !== 0) throw new Error(`a frame does not end where it should: ${head}`)
    return { command: command!, headers, body: Buffer.from(body) }
  }

  /** The next frame, which has to be of this kind. */
  async expect(command: string): Promise<ReceivedFrame> {
    const frame = await this.next()
    if (frame?.command !== command) throw new Error(`${command} expected, but there was ${shown(frame)}`)
    return frame
  }

  /** A message, and what it says. */
  async message(): Promise<ReceivedFrame & { readonly text: string }> {
    const frame = await this.expect('MESSAGE')
    return { ...frame, text: frame.body.toString() }
  }

  /** With a receipt that is waited for. @returns what came before it */
  async sendSafely(command: string, headers: FrameHeaders = {}, body: string | Buffer = ''): Promise<ReceivedFrame[]> {
    const receipt = `receipt-${++this.#receipts}`
    await this.send(command, { ...headers, receipt }, body)
    const before: ReceivedFrame[] = []
    for (;;) {
      const frame = await this.next()
      if (frame?.command === 'RECEIPT' && frame.headers['receipt-id'] === receipt) return before
      if (frame === null || frame.command === 'ERROR') throw new Error(`no receipt, but ${shown(frame)}`)
      before.push(frame)
    }
  }

  /** Everything that was sent before has been dealt with. @returns what came meanwhile */
  sync(): Promise<ReceivedFrame[]> {
    return this.sendSafely('SEND', { destination: '/topic/nobody.listens' })
  }

  async disconnect(): Promise<void> {
    await this.sendSafely('DISCONNECT')
    await this.wire.untilClosed()
  }

  /** Without a word. */
  cut(): void {
    this.wire.destroy()
  }
}

const shown = (frame: ReceivedFrame | null): string =>
  frame === null ? 'the end' : `${frame.command} ${JSON.stringify(frame.headers)} ${frame.body.toString()}`
