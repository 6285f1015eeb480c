/** One connection of a hostile or broken client, from a seed. */
import type { Socket } from 'node:net'
import { encodeMethodFrame } from '../../src/protocols/amqp091/wire/frames.ts'
import * as m from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { CHANNELS, ChannelView, damage, preparations, Random, soundFrames, strangeFrame } from './frames.ts'
import { dial, leave, oneOf, write } from './hostile-socket.ts'

const HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
const FRAMES_MAX = 400
/** Frames per write. */
const BATCH = 5

export interface SessionTarget {
  readonly port: number
  readonly vhost: string
}

/** Speaks until it has nothing more to say, or the broker has had enough. @returns how many frames it has sent */
export async function playSession(target: SessionTarget, seed: number): Promise<number> {
  const random = new Random(seed)
  const socket = dial(target.port)
  const peer = new Peer(socket, random.once(20))
  await oneOf(socket, ['connect', 'close'])
  const sent = await speak(random, socket, peer, target.vhost)
  if (random.once(3)) socket.write(encodeMethodFrame(0, new m.ConnectionClose(200, 'bye', 0, 0)))
  await leave(socket, random)
  return sent
}

async function speak(random: Random, socket: Socket, peer: Peer, vhost: string): Promise<number> {
  if (random.once(30)) {
    await write(socket, random.once(2) ? random.bytes(200) : Buffer.concat([HEADER, random.bytes(200)]))
    return 1
  }
  const opening = handshake(vhost)
  if (random.once(20)) {
    const at = random.below(opening.length)
    opening[at] = random.once(2) ? damage(random, opening[at]!) : strangeFrame(random)
  }
  for (const bytes of opening) await write(socket, bytes)
  return opening.length + (await sendFrames(random, socket, peer))
}

async function sendFrames(random: Random, socket: Socket, peer: Peer): Promise<number> {
  // damage ends a connection sooner or later, so some sessions have little of it, and some none
  const damagedOnceIn = random.of([5, 40, 0])
  const count = 10 + random.below(FRAMES_MAX)
  let sent = 0
  while (sent < count && !peer.closed) {
    const batch: Buffer[] = peer.takeAnswers()
    for (let i = 0; i < BATCH; i++) {
      const channel = 1 + random.below(CHANNELS)
      const frames = soundFrames(random, channel, peer.views[channel]!)
      if (damagedOnceIn > 0 && random.once(damagedOnceIn)) {
        const at = random.below(frames.length)
        if (random.once(3)) frames.splice(at, random.below(2), strangeFrame(random))
        else frames[at] = damage(random, frames[at]!)
      }
      batch.push(...frames)
    }
    sent += batch.length
    await write(socket, Buffer.concat(batch))
  }
  return sent
}

function handshake(vhost: string): Buffer[] {
  const response = Buffer.from('\0guest\0guest')
  const capabilities = new Map([['consumer_cancel_notify', { type: 'bool', value: true } as const]])
  const properties = new Map([['capabilities', { type: 'table', value: capabilities } as const]])
  const opening = [
    HEADER,
    encodeMethodFrame(0, new m.ConnectionStartOk(properties, 'PLAIN', response, 'en_US')),
    encodeMethodFrame(0, new m.ConnectionTuneOk(2047, 131_072, 0)),
    encodeMethodFrame(0, new m.ConnectionOpen(vhost)),
  ]
  for (let channel = 1; channel <= CHANNELS; channel++) opening.push(encodeMethodFrame(channel, new m.ChannelOpen()))
  for (const method of preparations()) opening.push(encodeMethodFrame(1, method))
  return opening
}

/** What the client makes of the broker's frames: channels that were closed are opened again. */
class Peer {
  closed = false
  /** By channel number; 0 has none. */
  readonly views = Array.from({ length: CHANNELS + 1 }, () => new ChannelView())
  #rest = Buffer.alloc(0)
  #answers: Buffer[] = []

  constructor(socket: Socket, answersNothing: boolean) {
    socket.on('close', () => (this.closed = true))
    socket.on('data', (chunk: Buffer) => {
      if (!answersNothing) this.#read(chunk)
    })
  }

  takeAnswers(): Buffer[] {
    const answers = this.#answers
    this.#answers = []
    return answers
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    while (bytes.length - at >= 8) {
      const end = at + 8 + bytes.readUInt32BE(at + 3)
      if (end > bytes.length) break
      if (bytes[at] === 1) this.#onMethod(bytes.readUInt16BE(at + 1), bytes.subarray(at + 7, end - 1))
      at = end
    }
    this.#rest = Buffer.from(bytes.subarray(at))
  }

  #onMethod(channel: number, payload: Buffer): void {
    const id = payload.readUInt32BE(0)
    const view = this.views[channel]
    if (view === undefined) return
    if (id === m.BasicGetOk.id) view.tags.push(Number(payload.readBigUInt64BE(4)))
    if (id === m.BasicDeliver.id) view.tags.push(Number(payload.readBigUInt64BE(5 + payload[4]!)))
    if (id === m.ChannelClose.id) this.#answers.push(encodeMethodFrame(channel, new m.ChannelCloseOk()))
    if (id === m.ChannelClose.id || id === m.ChannelCloseOk.id) {
      this.#answers.push(encodeMethodFrame(channel, new m.ChannelOpen()))
      this.views[channel] = new ChannelView()
    }
    if (id === m.ConnectionClose.id) this.closed = true
  }
}
