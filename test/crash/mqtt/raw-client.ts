import { connect, type Socket } from 'node:net'
import mqtt, { type IConnackPacket, type IPublishPacket, type Packet, type QoS } from 'mqtt-packet'
import { News } from '../news.ts'

export type Version = 4 | 5

/** A message that is sent and not yet answered to the end. */
interface Outgoing {
  readonly packet: IPublishPacket & { messageId: number }
  /** Whether the broker has it (QoS 2): from then on it must not be sent again. */
  received: boolean
  readonly done: () => void
}

/** What a client has to keep over its connections, so that QoS 1 and 2 are what they say. */
export class ClientState {
  readonly clientId: string
  readonly version: Version
  /** By packet identifier, in the order in which they were sent. */
  readonly outgoing = new Map<number, Outgoing>()
  /** Payloads of messages of QoS 2 that have come, and are not released yet, by packet identifier. */
  readonly incoming = new Map<number, Buffer>()
  /** Whether the broker has said that it has a session for this client. */
  hasSession = false
  #lastId = 0

  constructor(clientId: string, version: Version) {
    this.clientId = clientId
    this.version = version
  }

  nextId(): number {
    do this.#lastId = (this.#lastId % 0xffff) + 1
    while (this.outgoing.has(this.#lastId))
    return this.#lastId
  }
}

export interface ConnectOptions {
  readonly port: number
  /** Of a client whose session stays; null for one that starts afresh and leaves nothing. */
  readonly state: ClientState | null
  readonly version: Version
  readonly onMessage: (packet: IPublishPacket) => void
  /** Called when the broker does what it must not, with what that is. */
  readonly complain: (text: string) => void
  /** Called with each step of a handshake of QoS 2, and the payload of its message: for who wants to know what had come before a mistake. */
  readonly onStep?: (payload: Buffer, step: string) => void
}

/** How long a session stays after its connection, in seconds. */
const SESSION_EXPIRY_S = 3600

/** One connection of an MQTT client that does what the specification asks of clients, and no more. */
export class RawClient {
  readonly options: ConnectOptions
  readonly state: ClientState
  closed = false
  readonly whenClosed: Promise<void>
  readonly #socket: Socket
  readonly #parser
  readonly #version: Version
  /** What is waited for, by kind of packet and identifier. */
  readonly #answers = new Map<string, (packet: Packet) => void>()
  readonly #news = new News(() => this.closed)

  private constructor(options: ConnectOptions, socket: Socket) {
    this.options = options
    this.state = options.state ?? new ClientState(`fresh-${process.pid}-${++RawClient.#fresh}`, options.version)
    this.#version = options.version
    this.#socket = socket
    this.#parser = mqtt.parser({ protocolVersion: options.version })
    this.#parser.on('packet', (packet: Packet) => this.#onPacket(packet))
    this.#parser.on('error', (error: Error) => options.complain(`the broker sends what is no MQTT: ${error.message}`))
    socket.on('data', (chunk) => {
      if (!this.closed) this.#parser.parse(chunk)
    })
    socket.on('error', () => {})
    this.whenClosed = new Promise((resolve) => {
      socket.once('close', () => {
        this.closed = true
        this.#news.wake()
        resolve()
      })
    })
  }

  static #fresh = 0

  /** @returns null where the broker is gone before it has answered */
  static async connect(options: ConnectOptions): Promise<RawClient | null> {
    const client = new RawClient(options, connect({ host: '127.0.0.1', port: options.port, noDelay: true }))
    const { state, version } = options
    client.#send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: version,
      clientId: client.state.clientId,
      clean: state === null,
      keepalive: 0,
      username: 'guest',
      password: Buffer.from('guest'),
      ...(version === 5 && state !== null && { properties: { sessionExpiryInterval: SESSION_EXPIRY_S } }),
    })
    const answer = (await client.#answer('connack')) as IConnackPacket | null
    if (answer === null) return null
    const code = version === 5 ? answer.reasonCode : answer.returnCode
    if (code !== 0) options.complain(`connection refused with code ${code}`)
    else client.#connected(answer.sessionPresent)
    return client
  }

  #connected(sessionPresent: boolean): void {
    const { state, complain } = this.options
    if (sessionPresent !== (state?.hasSession ?? false)) {
      complain(`session of ${this.state.clientId} present: ${sessionPresent}, not ${!sessionPresent}`)
    }
    if (state === null) return
    state.hasSession = true
    for (const { packet, received } of state.outgoing.values()) {
      this.#step(packet, received ? 'sends PUBREL again' : 'sends PUBLISH again')
      if (received) this.#send({ cmd: 'pubrel', messageId: packet.messageId })
      else this.#send({ ...packet, dup: true })
    }
  }

  #step({ qos, payload, messageId }: Pick<IPublishPacket, 'qos' | 'payload' | 'messageId'>, step: string): void {
    if (qos === 2) this.options.onStep?.(Buffer.from(payload), `${step} ${messageId}`)
  }

  #stepIn(id: number, step: string): void {
    const payload = this.state.incoming.get(id)
    if (payload !== undefined) this.#step({ qos: 2, payload, messageId: id }, step)
  }

  #send(packet: Packet): void {
    if (!this.closed) this.#socket.write(mqtt.generate(packet, { protocolVersion: this.#version }))
  }

  /** @returns null when the connection ends before */
  async #answer(kind: string): Promise<Packet | null> {
    let found: Packet | null = null
    this.#answers.set(kind, (packet) => {
      found = packet
      this.#news.wake()
    })
    await this.until(() => found !== null)
    return found
  }

  /** Until the condition holds, looked at whenever something has come. @returns whether it does: not where the connection ends before */
  until(condition: () => boolean): Promise<boolean> {
    return this.#news.until(condition)
  }

  #onPacket(packet: Packet): void {
    const id = packet.messageId ?? 0
    switch (packet.cmd) {
      case 'publish':
        this.#onPublish(packet)
        break
      case 'pubrel':
        this.#stepIn(id, 'gets PUBREL, sends PUBCOMP')
        this.state.incoming.delete(id)
        this.#send({ cmd: 'pubcomp', messageId: id })
        break
      case 'pubrec':
        this.#onPubrec(id)
        break
      case 'puback':
      case 'pubcomp':
        this.#done(packet.cmd, id, packet.reasonCode ?? 0)
        break
      case 'disconnect':
        break
      default: {
        const answer = this.#answers.get(packet.cmd)
        this.#answers.delete(packet.cmd)
        if (answer === undefined) this.options.complain(`unexpected ${packet.cmd} for ${this.state.clientId}`)
        else answer(packet)
      }
    }
    this.#news.wake()
  }

  #onPublish(packet: IPublishPacket): void {
    const id = packet.messageId!
    if (packet.qos === 2) {
      const isNew = !this.state.incoming.has(id)
      if (isNew) this.state.incoming.set(id, Buffer.from(packet.payload))
      this.#step(packet, `gets PUBLISH${packet.dup ? ' with dup' : ''}, sends PUBREC`)
      if (isNew) this.options.onMessage(packet)
      else if (!packet.dup) this.options.complain(`packet identifier ${id} is used again before it was released`)
      this.#send({ cmd: 'pubrec', messageId: id })
      return
    }
    this.options.onMessage(packet)
    if (packet.qos === 1) this.#send({ cmd: 'puback', messageId: id })
  }

  #onPubrec(id: number): void {
    const outgoing = this.state.outgoing.get(id)
    if (outgoing !== undefined) {
      outgoing.received = true
      this.#step(outgoing.packet, 'gets PUBREC, sends PUBREL')
    }
    this.#send({ cmd: 'pubrel', messageId: id })
  }

  #done(kind: string, id: number, reason: number): void {
    const outgoing = this.state.outgoing.get(id)
    // of a connection before this one, and answered twice: nothing is wrong with that
    if (outgoing === undefined) return
    if (reason >= 0x80 && reason !== 0x92) this.options.complain(`${kind} with reason ${reason}`)
    this.state.outgoing.delete(id)
    this.#step(outgoing.packet, 'gets PUBCOMP')
    outgoing.done()
  }

  /** @param done called when the broker has it for good, be it on a later connection */
  publish(message: Omit<IPublishPacket, 'cmd' | 'dup' | 'messageId'>, done: () => void): void {
    if (message.qos === 0) {
      this.#send({ ...message, cmd: 'publish', dup: false })
      return
    }
    const packet = { ...message, cmd: 'publish', dup: false, messageId: this.state.nextId() } as const
    this.state.outgoing.set(packet.messageId, { packet, received: false, done })
    this.#step(packet, 'sends PUBLISH')
    this.#send(packet)
  }

  /** @returns whether the broker has answered */
  async subscribe(filter: string, qos: QoS): Promise<boolean> {
    this.#send({ cmd: 'subscribe', messageId: this.state.nextId(), subscriptions: [{ topic: filter, qos }] })
    const answer = await this.#answer('suback')
    if (answer === null) return false
    const { granted } = answer as unknown as { granted: number[] }
    if (granted[0] !== qos) this.options.complain(`subscription to ${filter} with QoS ${qos} granted as ${granted[0]}`)
    return true
  }

  /** As when the client's machine loses its network. */
  cut(): Promise<void> {
    this.closed = true
    this.#socket.destroy()
    return this.whenClosed
  }
}
