import type { Broker } from '../../core/broker.ts'
import { CHUNK_BYTES } from '../../net/buffer-pool.ts'
import type { Transport } from '../../net/transport.ts'
import type { Connected } from './connect.ts'
import type { Refusal } from './errors.ts'
import { type Frame, VERSIONS, type Version } from './frame.ts'
import { encodeFrame, endOfFrames, type Headers } from './frame-writer.ts'
import { inWholeSeconds } from './heart-beat.ts'
import { Receipts } from './receipts.ts'
import type { StompSettings } from './settings.ts'

const SUPPORTED = [...VERSIONS].reverse().join(',')

/** Says which frame an error is about, where the client has named it. */
export function headersAbout(frame: Frame | null): Headers {
  const receipt = frame?.get('receipt') ?? null
  return receipt === null ? [] : [['receipt-id', receipt]]
}

/** What one client is sent besides messages: CONNECTED, RECEIPT and ERROR. */
export class FramesOut {
  /** Agreed upon: it says how headers are escaped. */
  version: Version = '1.0'
  readonly #broker: Broker
  readonly #transport: Transport
  readonly #receipts: Receipts
  readonly #end: Buffer

  constructor({ broker, trailingLineFeed }: StompSettings, transport: Transport) {
    this.#broker = broker
    this.#transport = transport
    this.#end = endOfFrames(trailingLineFeed)
    this.#receipts = new Receipts(broker.commits, (id) => this.#send('RECEIPT', [['receipt-id', id]], '', this.version))
  }

  connected({ version, heartBeat, sessionId }: Connected, settings: StompSettings): void {
    const { hideServer, product, version: productVersion } = settings
    const server: Headers = hideServer ? [] : [['server', `${product}/${productVersion}`]]
    const beats = `${inWholeSeconds(heartBeat.wants)},${inWholeSeconds(heartBeat.sends)}`
    const facts: Headers = [
      ['session', sessionId],
      ['heart-beat', beats],
      ['version', version],
    ]
    this.#send('CONNECTED', [...server, ...facts], '', null)
  }

  /** Of a frame that may have changed durable metadata: it waits until that is on disk, too. @param position of the message log */
  receipt(position: number, id: string): void {
    const committed = this.#broker.commitMetadata()
    if (committed !== null) this.#transport.hold(committed)
    this.#receipts.add(position, id)
  }

  /** Calls it once, when all receipts have gone out. */
  whenReceiptsSent(then: () => void): void {
    this.#receipts.whenEmpty(then)
  }

  error({ summary, detail }: Refusal, more: Headers): void {
    const common: Headers = [
      ['message', summary],
      ['content-type', 'text/plain'],
      ['version', SUPPORTED],
    ]
    this.#send('ERROR', [...common, ...more], detail, this.version)
  }

  #send(command: string, headers: Headers, body: string, version: Version | null): void {
    const bytes = encodeFrame(command, headers, body, version, this.#end)
    // in one piece, whatever a client has made it hold
    if (bytes.length <= CHUNK_BYTES) this.#transport.write(bytes)
    else this.#transport.appendLarge(bytes, () => {})
  }

  /** No more receipts. */
  close(): void {
    this.#receipts.close()
  }
}
