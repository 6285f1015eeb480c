import { createHash } from 'node:crypto'
import { encodeMethodFrame, FRAME_BODY, FRAME_END, FRAME_HEADER } from '../../src/protocols/amqp091/wire/frames.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { declareQueue, Ended as RawEnded, RawAmqp } from '../support/raw-amqp.ts'
import type { Life } from './wire.ts'

const QUEUE = 'raw'
const PER_LIFE = 20

/** Properties as octets, none of which a client library of ours would write: each field type, an empty table, repeated keys. */
const PROPERTIES: readonly Buffer[] = [
  // delivery mode alone, and as another bit
  Buffer.from('100002', 'hex'),
  // headers: an empty table
  Buffer.from('30000000000002', 'hex'),
  // headers: t b B s u I i l f d D S A T F V x, then delivery mode and priority
  table(
    '0174' + '7401',
    '0162' + '62ff',
    '0142' + '42ff',
    '0173' + '738000',
    '0175' + '75ffff',
    '0149' + '4980000000',
    '0169' + '69ffffffff',
    '016c' + '6c8000000000000001',
    '0166' + '667fc00001',
    '0164' + '647ff8000000000001',
    '0144' + '4402ffffffff',
    '0153' + '5300000003ff00fe',
    '0141' + '4100000004740074ff',
    '0154' + '54ffffffffffffffff',
    '0146' + '4600000004' + '0141' + '4201',
    '0156' + '56',
    '0178' + '780000000300ff00',
  ),
  // twice the same key, a key with no letters, one beyond ASCII
  table('016b' + '4900000001', '016b' + '4900000002', '00' + '5300000000', '02c3b6' + '56'),
]

function table(...fields: readonly string[]): Buffer {
  const body = Buffer.from(fields.join(''), 'hex')
  const head = Buffer.alloc(6)
  head.writeUInt16BE(0x2000 | 0x1000 | 0x0800, 0)
  head.writeUInt32BE(body.length, 2)
  return Buffer.concat([head, body, Buffer.of(2, 200)])
}

/** Messages whose property octets have to come back as they were sent, whichever client wrote them. */
export class RawKeeper {
  #number = 0
  #confirmed: number[] = []
  /** Sent and not known to have arrived. */
  #doubtful = new Set<number>()

  /** Publishes some, and waits for the confirms of the first half. */
  async publish(life: Life): Promise<void> {
    const client = await RawAmqp.open(life.port)
    await client.openChannel()
    client.send(1, declareQueue(QUEUE, { durable: true }))
    await client.expect(m.QueueDeclareOk)
    client.send(1, new m.ConfirmSelect())
    await client.expect(m.ConfirmSelectOk)
    const numbers = Array.from({ length: PER_LIFE }, () => this.#number++)
    for (const number of numbers) {
      this.#doubtful.add(number)
      client.socket.write(Buffer.concat(framesOf(number)))
    }
    for (let answered = 0; answered < PER_LIFE;) {
      const { deliveryTag, multiple } = await client.expect(m.BasicAck)
      if (!multiple && deliveryTag !== answered + 1) throw new Error('confirms are expected in order')
      for (; answered < deliveryTag; answered++) this.#arrived(numbers[answered]!)
    }
    // what follows may be killed on its way
    const more = Array.from({ length: PER_LIFE }, () => this.#number++)
    for (const number of more) {
      this.#doubtful.add(number)
      client.socket.write(Buffer.concat(framesOf(number)))
    }
    life.onEnd(() => client.destroy())
  }

  #arrived(number: number): void {
    this.#confirmed.push(number)
    this.#doubtful.delete(number)
  }

  /** Takes all that is there. */
  async check(life: Life): Promise<void> {
    const { found, left } = await this.#drain(life)
    const numbers = new Set(found)
    const { ledger } = life
    if (numbers.size < found.length) ledger.complain(`queue ${QUEUE}: messages more than once in ${found.join(' ')}`)
    for (const number of this.#confirmed) {
      if (!numbers.has(number)) ledger.complain(`message ${number} in queue ${QUEUE}: lost, though it was confirmed`)
    }
    const known = new Set([...this.#confirmed, ...this.#doubtful])
    for (const [i, number] of found.entries()) {
      if (!known.has(number)) ledger.complain(`message ${number} in queue ${QUEUE}: came back`)
      if (i > 0 && found[i - 1]! > number) ledger.complain(`queue ${QUEUE}: ${found[i - 1]} before ${number}`)
    }
    this.#confirmed = [left]
    this.#doubtful = new Set()
  }

  async #drain(life: Life): Promise<{ found: number[]; left: number }> {
    const client = await RawAmqp.open(life.port)
    const headers = watchHeaders(client)
    await client.openChannel()
    client.send(1, declareQueue(QUEUE, { durable: true }))
    await client.expect(m.QueueDeclareOk)
    const found: number[] = []
    for (;;) {
      client.send(1, new m.BasicGet(QUEUE, false))
      const answer = await client.next()
      if (answer.id === m.BasicGetEmpty.id) break
      const { deliveryTag } = answer as m.BasicGetOk
      const { octets, body } = await headers.next()
      const number = Number(body.toString('latin1').split(' ')[0])
      found.push(number)
      if (!body.equals(bodyOf(number))) life.ledger.complain(`message ${number} in queue ${QUEUE}: has another body`)
      const expected = propertiesOf(number)
      if (!octets.equals(expected)) {
        const text = `properties are ${octets.toString('hex')}, not ${expected.toString('hex')}`
        life.ledger.complain(`message ${number} in queue ${QUEUE}: ${text}`)
      }
      client.send(1, new m.BasicAck(deliveryTag, false))
    }
    // the next life must not see any of them: something after the acknowledgements has to be on disk
    client.send(1, new m.ConfirmSelect())
    await client.expect(m.ConfirmSelectOk)
    const left = this.#number++
    client.socket.write(Buffer.concat(framesOf(left)))
    await client.expect(m.BasicAck)
    client.destroy()
    return { found, left }
  }
}

const propertiesOf = (number: number): Buffer => PROPERTIES[number % PROPERTIES.length]!

/** The number, then octets that follow from it. */
function bodyOf(number: number): Buffer {
  const outputLength = (number * 37) % 300
  return Buffer.concat([
    Buffer.from(`${number} `),
    createHash('shake256', { outputLength }).update(String(number)).digest(),
  ])
}

function framesOf(number: number): Buffer[] {
  const body = bodyOf(number)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(m.BasicPublish.id >>> 16, 0)
  head.writeBigUInt64BE(BigInt(body.length), 4)
  return [
    encodeMethodFrame(1, new m.BasicPublish('', QUEUE, false, false)),
    frame(FRAME_HEADER, Buffer.concat([head, propertiesOf(number)])),
    frame(FRAME_BODY, body),
  ]
}

function frame(type: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(1, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.of(FRAME_END)])
}

interface Content {
  readonly octets: Buffer
  readonly body: Buffer
}

/** The contents that come to a client, as octets: small ones, in one body frame each. */
function watchHeaders({ socket }: RawAmqp): { next(): Promise<Content> } {
  let received = Buffer.alloc(0)
  let octets = Buffer.alloc(0)
  const contents: Content[] = []
  let wake: () => void = () => {}
  socket.on('close', () => wake())
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk])
    for (;;) {
      if (received.length < 8) return
      const size = received.readUInt32BE(3)
      if (received.length < size + 8) return
      const payload = Buffer.from(received.subarray(7, 7 + size))
      if (received[0] === FRAME_HEADER) octets = payload.subarray(12)
      if (received[0] === FRAME_BODY) contents.push({ octets, body: payload })
      received = received.subarray(size + 8)
      wake()
    }
  })
  const next = async (): Promise<Content> => {
    while (contents.length === 0) {
      if (socket.destroyed) throw new RawEnded('no content came')
      await new Promise<void>((resolve) => (wake = resolve))
    }
    return contents.shift()!
  }
  return { next }
}
