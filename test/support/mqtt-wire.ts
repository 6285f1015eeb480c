import mqtt, { type IConnackPacket, type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet'
import { type Cut, whole, WireClient } from '../wire/wire-client.ts'

export type Version = 3 | 4 | 5

/** A socket that speaks MQTT as it is told, with the codec of others. */
export class MqttWire {
  readonly version: Version
  readonly wire: WireClient
  readonly #packets: Packet[] = []
  readonly #parser

  private constructor(version: Version, wire: WireClient) {
    this.version = version
    this.wire = wire
    this.#parser = mqtt.parser({ protocolVersion: version })
    this.#parser.on('packet', (packet: Packet) => this.#packets.push(packet))
  }

  static async open(url: string, version: Version, cut: Cut = whole): Promise<MqttWire> {
    const { hostname, port } = new URL(url)
    return new MqttWire(version, await WireClient.connect(hostname, Number(port), cut))
  }

  /** With CONNECT and its answer. */
  static async connect(url: string, version: Version, options: Partial<IConnectPacket> = {}): Promise<MqttWire> {
    const client = await MqttWire.open(url, version)
    await client.sendConnect(options)
    const { returnCode, reasonCode } = await client.connack()
    if ((returnCode ?? 0) !== 0 || (reasonCode ?? 0) !== 0) throw new Error(`refused: ${returnCode ?? reasonCode}`)
    return client
  }

  async sendConnect(options: Partial<IConnectPacket> = {}): Promise<void> {
    await this.send({
      cmd: 'connect',
      protocolId: this.version === 3 ? 'MQIsdp' : 'MQTT',
      protocolVersion: this.version,
      clientId: 'c',
      clean: true,
      keepalive: 0,
      username: 'guest',
      password: Buffer.from('guest'),
      ...options,
    })
  }

  async send(packet: Packet): Promise<void> {
    await this.wire.send(mqtt.generate(packet, { protocolVersion: this.version }))
  }

  async sendHex(hex: string): Promise<void> {
    await this.wire.send(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
  }

  /** The next packet; null when the broker closes the connection first. */
  async next(): Promise<Packet | null> {
    while (this.#packets.length === 0) {
      const bytes = await this.wire.bytes(1)
      if (bytes.length === 0) return null
      this.#parser.parse(Buffer.from(bytes))
    }
    return this.#packets.shift()!
  }

  /** The next packet, which has to be of this kind. */
  async expect<C extends Packet['cmd']>(cmd: C): Promise<Extract<Packet, { cmd: C }>> {
    const packet = await this.next()
    if (packet?.cmd !== cmd) throw new Error(`${cmd} expected, but there was ${JSON.stringify(packet)}`)
    return packet as Extract<Packet, { cmd: C }>
  }

  connack(): Promise<IConnackPacket> {
    return this.expect('connack')
  }

  async subscribe(topic: string, qos: 0 | 1 | 2, more: { nl?: boolean; rap?: boolean; rh?: number; id?: number } = {}) {
    const { id, ...options } = more
    await this.send({
      cmd: 'subscribe',
      messageId: 99,
      subscriptions: [{ topic, qos, ...options }],
      ...(id === undefined ? {} : { properties: { subscriptionIdentifier: id } }),
    })
    return (await this.expect('suback')).granted
  }

  async publish(topic: string, payload: string, more: Partial<IPublishPacket> = {}): Promise<void> {
    const { qos = 0, messageId = 1 } = more
    await this.send({
      cmd: 'publish',
      topic,
      payload,
      qos,
      dup: false,
      retain: false,
      ...(qos > 0 ? { messageId } : {}),
      ...more,
    })
  }

  /** Everything that was sent before has been dealt with. @returns what came meanwhile */
  async ping(): Promise<Packet[]> {
    await this.send({ cmd: 'pingreq' })
    const before: Packet[] = []
    for (;;) {
      const packet = await this.next()
      if (packet === null) throw new Error('the connection was closed')
      if (packet.cmd === 'pingresp') return before
      before.push(packet)
    }
  }

  async disconnect(): Promise<void> {
    await this.send({ cmd: 'disconnect', reasonCode: 0 })
    await this.wire.untilClosed()
  }

  /** Without a word. */
  cut(): void {
    this.wire.destroy()
  }
}
