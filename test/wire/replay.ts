/** Plays one vector: sends what it says, expects what it says. Vectors are explained in `vectors/README.md`. */
import assert from 'node:assert/strict'
import { importDefinitions } from '../../src/management/definitions.ts'
import { encodeMethodFrame } from '../../src/protocols/amqp091/wire/frames.ts'
import { BasicAck, decodeMethod, METHOD_NAMES } from '../../src/protocols/amqp091/wire/methods.gen.ts'
import { amqpPropertyFormat } from '../../src/protocols/amqp091/wire/properties.ts'
import { Reader } from '../../src/protocols/amqp091/wire/reader.ts'
import { parseDuration } from '../../src/util/duration.ts'
import { virtualClock, type VirtualClock } from '../../src/util/virtual-clock.ts'
import { startTestBroker, type TestBroker } from '../support/with-broker.ts'
import { bytesOf, differences, type JsonBytes, type JsonObject, methodOf, propertiesOf, show } from './values.ts'
import { type Cut, type Frame, WireClient } from './wire-client.ts'

export interface Vector {
  /** Begins with the section of the reference that it shows. */
  readonly name: string
  /** Options of the broker, as on the command line. */
  readonly flags?: readonly string[]
  /** Why only this broker can be asked: what the vector needs cannot be set up from outside. */
  readonly local?: string
  /** In what RabbitMQ 3.10 is known to differ. */
  readonly differs?: string
  /** Too long to be sent byte by byte. */
  readonly large?: boolean
  readonly steps: readonly Step[]
}

export interface Step {
  /** The connection: `a` unless said otherwise. It opens with its first step. */
  readonly as?: string
  readonly open?: OpenOptions
  readonly send?: string
  readonly expect?: string
  readonly on?: number
  readonly with?: JsonObject
  readonly times?: number
  readonly properties?: JsonObject
  readonly propertyBytes?: JsonBytes
  readonly body?: JsonBytes
  readonly bodySize?: number
  readonly class?: number
  readonly frames?: readonly number[]
  readonly frameMax?: number
  readonly type?: number
  readonly payload?: JsonBytes
  readonly size?: number
  readonly end?: number
  readonly bytes?: JsonBytes
  readonly upTo?: number
  readonly of?: readonly Step[]
  readonly advance?: string
  readonly alarm?: 'memory' | 'disk'
  readonly raised?: boolean
  readonly definitions?: JsonObject
  readonly deleteUser?: string
  /** The reason that the broker gives for it. */
  readonly stop?: string
}

interface OpenOptions {
  readonly user?: string
  readonly password?: string
  readonly vhost?: string
  readonly heartbeat?: number
  readonly frameMax?: number
  readonly channelMax?: number
  readonly capabilities?: readonly string[]
  readonly channels?: readonly number[]
}

/** Where vectors are played: a broker of its own in this process, or a RabbitMQ. */
export interface Stage {
  readonly host: string
  readonly port: number
  readonly broker: TestBroker | null
  readonly clock: VirtualClock | null
}

export async function withOwnBroker(vector: Vector, use: (stage: Stage) => Promise<void>): Promise<void> {
  const clock = virtualClock()
  const broker = await startTestBroker({ clock, flags: vector.flags ?? [] })
  try {
    await use({ host: '127.0.0.1', port: broker.port, broker, clock })
  } finally {
    await broker.server.stop('test')
  }
}

export async function replay(vector: Vector, stage: Stage, cut: Cut): Promise<void> {
  const player = new Player(stage, cut)
  try {
    for (const [i, step] of vector.steps.entries()) {
      try {
        await player.play(step)
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error)
        throw new Error(`step ${i + 1}, ${JSON.stringify(step).slice(0, 200)}: ${text}`, { cause: error })
      }
    }
    await player.flush()
  } finally {
    player.close()
  }
}

const HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
const FRAME_METHOD = 1
const FRAME_HEADER = 2
const FRAME_BODY = 3
const FRAME_HEARTBEAT = 8
const DEFAULT_FRAME_MAX = 131_072
/** What a RabbitMQ may take to say something that it should not say. */
const LIVE_SILENCE_MS = 300

class Player {
  readonly #stage: Stage
  readonly #cut: Cut
  readonly #clients = new Map<string, WireClient>()
  /** Consecutive sends go out in one piece. */
  readonly #unsent = new Map<WireClient, Buffer[]>()
  readonly #saved = new Map<string, string>()

  constructor(stage: Stage, cut: Cut) {
    this.#stage = stage
    this.#cut = cut
  }

  close(): void {
    for (const client of this.#clients.values()) client.destroy()
  }

  async play(given: Step): Promise<void> {
    const step = this.#saved.size === 0 ? given : this.#substitute(given)
    const server = this.#stage.broker?.server
    if (step.advance !== undefined) await this.#advance(step.advance)
    else if (step.alarm !== undefined) server!.broker.alarms.set(step.alarm, step.raised === true)
    else if (step.definitions !== undefined) importDefinitions(server!.broker, step.definitions)
    else if (step.deleteUser !== undefined) server!.broker.users.delete(step.deleteUser)
    else if (step.stop !== undefined) void server!.stop(step.stop)
    else {
      const client = await this.#client(step.as ?? 'a')
      if (step.send === 'end') {
        await this.flush()
        client.end()
      } else if (step.send !== undefined) this.#send(client, step)
      else {
        await this.flush()
        if (step.open !== undefined) await this.#open(client, step.open)
        else await this.#expect(client, step)
      }
    }
  }

  #substitute(step: Step): Step {
    const text = JSON.stringify(step)
    return JSON.parse(text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => this.#saved.get(name)!)) as Step
  }

  async #client(name: string): Promise<WireClient> {
    const known = this.#clients.get(name)
    if (known !== undefined) return known
    const client = await WireClient.connect(this.#stage.host, this.#stage.port, this.#cut)
    this.#clients.set(name, client)
    return client
  }

  async flush(): Promise<void> {
    for (const [client, parts] of this.#unsent) {
      this.#unsent.delete(client)
      await client.send(Buffer.concat(parts))
    }
  }

  async #advance(duration: string): Promise<void> {
    await this.flush()
    const { clock } = this.#stage
    if (clock !== null) await clock.advance(duration)
    else await new Promise((resolve) => setTimeout(resolve, parseDuration(duration)))
  }

  // ---- sending ----

  #send(client: WireClient, step: Step): void {
    const parts = this.#unsent.get(client) ?? []
    this.#unsent.set(client, parts)
    const bytes = encodeStep(step)
    for (let i = 0; i < (step.times ?? 1); i++) parts.push(bytes)
  }

  async #open(client: WireClient, options: OpenOptions): Promise<void> {
    const { user = 'guest', password = 'guest', vhost = '/', heartbeat = 0, channels = [1] } = options
    const { frameMax = DEFAULT_FRAME_MAX, channelMax = 2047, capabilities = [] } = options
    const on = async (send: JsonObject, name: string, expect: string, channel = 0): Promise<void> => {
      await client.send(encodeMethodFrame(channel, methodOf(name, send)))
      await this.#expect(client, { expect, on: channel })
    }
    await client.send(HEADER)
    await this.#expect(client, { expect: 'connection.start' })
    const able = { table: Object.fromEntries(capabilities.map((name) => [name, true])) }
    const response = { concat: [{ hex: '00' }, user, { hex: '00' }, password] }
    const login = { mechanism: 'PLAIN', locale: 'en_US', response, clientProperties: { capabilities: able } }
    await on(login, 'connection.start-ok', 'connection.tune')
    await client.send(encodeMethodFrame(0, methodOf('connection.tune-ok', { channelMax, frameMax, heartbeat })))
    await on({ virtualHost: vhost }, 'connection.open', 'connection.open-ok')
    for (const channel of channels) await on({}, 'channel.open', 'channel.open-ok', channel)
  }

  // ---- expecting ----

  async #expect(client: WireClient, step: Step): Promise<void> {
    switch (step.expect) {
      case 'closed': {
        const rest = await client.untilClosed()
        assert.equal(describe(rest), '', 'more came before the connection closed')
        return
      }
      case 'quiet end': {
        const name = nameOf(await this.#frame(client))
        assert.equal(name, nameOf(null))
        return
      }
      case 'silence':
        await this.#expectSilence(client)
        return
      case 'bytes': {
        const expected = bytesOf(step.bytes!)
        assert.equal((await client.bytes(expected.length)).toString('hex'), expected.toString('hex'))
        return
      }
      case 'content':
        await this.#expectContent(client, step)
        return
      case 'heartbeat':
        assert.equal(nameOf(await client.frame()), 'heartbeat')
        return
      case 'confirms':
        await this.#expectConfirms(client, step)
        return
      case 'either order':
        await this.#expectEither(client, step.of!)
        return
      case undefined:
        throw new Error('this step says nothing')
      default:
        this.#checkMethod(await this.#frame(client), step)
    }
  }

  async #expectSilence(client: WireClient): Promise<void> {
    if (this.#stage.clock !== null) await this.#stage.clock.advance(0)
    else await new Promise((resolve) => setTimeout(resolve, LIVE_SILENCE_MS))
    assert.equal(describe(client.pending), '')
    assert.equal(client.closed, false, 'the connection is closed')
  }

  /** The next frame that is no heartbeat, which may come at any time. */
  async #frame(client: WireClient): Promise<Frame | null> {
    let frame = await client.frame()
    while (frame !== null && frame.type === FRAME_HEARTBEAT) frame = await client.frame()
    return frame
  }

  #checkMethod(frame: Frame | null, step: Step): void {
    const name = step.expect!
    if (frame === null || frame.type !== FRAME_METHOD) assert.fail(`${nameOf(frame)} came instead`)
    const fields = decodeMethod(readerOf(frame)) as unknown as Record<string, unknown>
    if (nameOf(frame) !== name) assert.fail(`${nameOf(frame)} came instead: ${show(fields)}`)
    assert.equal(frame.channel, step.on ?? defaultChannel(name), 'the channel is another')
    const found = differences(step.with ?? {}, fields, (key, value) => this.#saved.set(key, value))
    assert.deepEqual(found, [])
  }

  /** Acknowledgements of all publishes up to one, by one or by many frames. */
  async #expectConfirms(client: WireClient, step: Step): Promise<void> {
    const open = new Set(Array.from({ length: step.upTo! }, (_, i) => i + 1))
    while (open.size > 0) {
      const frame = await this.#frame(client)
      if (frame === null || frame.type !== FRAME_METHOD) assert.fail(`${nameOf(frame)} came instead`)
      const ack = decodeMethod(readerOf(frame))
      if (!(ack instanceof BasicAck)) assert.fail(`${nameOf(frame)} came instead`)
      const confirmed = ack.multiple ? [...open].filter((tag) => tag <= ack.deliveryTag) : [ack.deliveryTag]
      for (const tag of confirmed) assert.ok(open.delete(tag), `${tag} is confirmed again`)
    }
  }

  /** Two methods of different channels. */
  async #expectEither(client: WireClient, steps: readonly Step[]): Promise<void> {
    const left = [...steps]
    while (left.length > 0) {
      const frame = await this.#frame(client)
      const at = left.findIndex((step) => frame !== null && step.expect === nameOf(frame))
      if (at < 0) assert.fail(`${nameOf(frame)} came instead`)
      this.#checkMethod(frame, left.splice(at, 1)[0]!)
    }
  }

  async #expectContent(client: WireClient, step: Step): Promise<void> {
    const header = await this.#frame(client)
    if (header === null || header.type !== FRAME_HEADER) assert.fail(`${nameOf(header)} came instead`)
    assert.equal(header.channel, step.on ?? 1)
    assert.equal(header.payload.readUInt16BE(0), 60)
    const propertyBytes = header.payload.subarray(12)
    const size = Number(header.payload.readBigUInt64BE(4))
    const frames: number[] = []
    const parts: Buffer[] = []
    for (let got = 0; got < size; got += frames.at(-1)!) {
      const body = await this.#frame(client)
      if (body === null || body.type !== FRAME_BODY) assert.fail(`${nameOf(body)} came instead of a body frame`)
      assert.equal(body.channel, header.channel)
      frames.push(body.payload.length)
      parts.push(body.payload)
    }
    const body = Buffer.concat(parts)
    if (step.body !== undefined) {
      assert.ok(body.equals(bytesOf(step.body)), `the body is ${describeBytes(body)}`)
    }
    if (step.frames !== undefined) assert.deepEqual(frames, step.frames)
    if (step.propertyBytes !== undefined) {
      assert.equal(propertyBytes.toString('hex'), bytesOf(step.propertyBytes).toString('hex'))
    }
    if (step.properties !== undefined) this.#expectProperties(step.properties, propertyBytes)
  }

  /** The properties that are named must be as said, and no others be there. */
  #expectProperties(expected: JsonObject, bytes: Buffer): void {
    const actual = amqpPropertyFormat.decode(bytes, 0, bytes.length) as unknown as Record<string, unknown>
    const found = differences(expected, actual, (key, value) => this.#saved.set(key, value))
    for (const [name, value] of Object.entries(actual)) {
      if (value !== null && !(name in expected)) found.push(`${name} is ${show(value)}`)
    }
    assert.deepEqual(found, [])
  }
}

const defaultChannel = (method: string): number => (method.startsWith('connection.') ? 0 : 1)

function encodeStep(step: Step): Buffer {
  switch (step.send) {
    case 'bytes':
      return bytesOf(step.bytes!)
    case 'protocol-header':
      return HEADER
    case 'heartbeat':
      return frame(FRAME_HEARTBEAT, step.on ?? 0, bytesOf(step.payload ?? ''))
    case 'frame':
      return frame(step.type!, step.on ?? 1, bytesOf(step.payload ?? ''), step)
    case 'header':
      return header(step, step.bodySize ?? 0)
    case 'body':
      return frame(FRAME_BODY, step.on ?? 1, bytesOf(step.body!))
    case 'content':
      return content(step)
    default:
      return encodeMethodFrame(step.on ?? defaultChannel(step.send!), methodOf(step.send!, step.with ?? {}))
  }
}

function frame(type: number, channel: number, payload: Buffer, odd: { size?: number; end?: number } = {}): Buffer {
  const bytes = Buffer.alloc(payload.length + 8)
  bytes.writeUInt8(type)
  bytes.writeUInt16BE(channel, 1)
  bytes.writeUInt32BE(odd.size ?? payload.length, 3)
  payload.copy(bytes, 7)
  bytes.writeUInt8(odd.end ?? 0xce, 7 + payload.length)
  return bytes
}

function header(step: Step, bodySize: number): Buffer {
  const properties =
    step.propertyBytes === undefined
      ? amqpPropertyFormat.encode(propertiesOf(step.properties ?? {}))
      : bytesOf(step.propertyBytes)
  const fixed = Buffer.alloc(12)
  fixed.writeUInt16BE(step.class ?? 60)
  fixed.writeBigUInt64BE(BigInt(bodySize), 4)
  return frame(FRAME_HEADER, step.on ?? 1, Buffer.concat([fixed, properties]))
}

/** A header, and a body in frames of the sizes that are said, or as large as they may be. */
function content(step: Step): Buffer {
  const body = bytesOf(step.body ?? '')
  const most = (step.frameMax ?? DEFAULT_FRAME_MAX) - 8
  const parts = [header(step, body.length)]
  const sizes = [...(step.frames ?? [])]
  for (let at = 0; at < body.length || sizes.length > 0;) {
    const size = sizes.shift() ?? most
    parts.push(frame(FRAME_BODY, step.on ?? 1, body.subarray(at, at + size)))
    at += size
  }
  return Buffer.concat(parts)
}

function readerOf({ payload }: Frame): Reader {
  const reader = new Reader()
  reader.reset(payload, 0, payload.length)
  return reader
}

/** For messages: what a frame is, with all that a method says. */
function nameOf(given: Frame | null): string {
  if (given === null) return 'the end of the connection'
  if (given.type === FRAME_METHOD) return METHOD_NAMES.get(given.payload.readUInt32BE(0)) ?? 'an unknown method'
  if (given.type === FRAME_HEADER) return 'a content header'
  if (given.type === FRAME_BODY) return 'a body frame'
  return given.type === FRAME_HEARTBEAT ? 'heartbeat' : `a frame of type ${given.type}`
}

const describeBytes = (bytes: Buffer): string =>
  bytes.length > 100 ? `${bytes.length} bytes long` : JSON.stringify(bytes.toString('latin1'))

const describe = (bytes: Buffer): string => (bytes.length === 0 ? '' : `${show(bytes.toString('latin1'))}`)
