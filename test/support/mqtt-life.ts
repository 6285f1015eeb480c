import { duplexPair } from 'node:stream'
import mqtt, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet'
import type { Broker } from '../../src/core/broker.ts'
import { BufferPool } from '../../src/net/buffer-pool.ts'
import type { Peer } from '../../src/net/listener.ts'
import type { Logins } from '../../src/protocols/logins.ts'
import type { AuthenticationMethod } from '../../src/protocols/mqtt/authentication-method.ts'
import { MqttFrontEnd } from '../../src/protocols/mqtt/index.ts'
import { MemoryMetadataStore } from '../../src/store/memory/memory-metadata-store.ts'
import { CoreBench } from './core-bench.ts'
import { PagingStore } from './paging-store.ts'
import { pump } from './pump.ts'

const PEER: Peer = {
  address: '127.0.0.1',
  port: 1,
  localAddress: '127.0.0.1',
  localPort: 2,
  websocket: false,
  tls: null,
}
/** Turns within which everything has happened that is to happen without the disk. */
const TURNS_MAX = 10_000

/** As mqtt-packet names it. */
export interface Authentication {
  readonly authenticationMethod?: string
  readonly authenticationData?: Buffer
}

/** Lets in all users that there are. */
function openTo(broker: Broker): Logins {
  const authenticateName: Logins['authenticateName'] = (name) => {
    return { outcome: 'ok', identity: broker.identityOf(broker.users.get(name)!) }
  }
  return { authenticateName, authenticatePassword: (user, _, facts) => authenticateName(user, facts), countBroken() {} }
}

/** One life of a broker that speaks MQTT, whose messages get to the disk when the test says so. */
export class MqttLife {
  readonly bench: CoreBench
  readonly store: PagingStore
  readonly #metadata: MemoryMetadataStore
  readonly #frontEnd: MqttFrontEnd

  private constructor(bench: CoreBench, store: PagingStore, metadata: MemoryMetadataStore, frontEnd: MqttFrontEnd) {
    this.bench = bench
    this.store = store
    this.#metadata = metadata
    this.#frontEnd = frontEnd
  }

  static async begin(
    store = new PagingStore(),
    metadata = new MemoryMetadataStore(),
    methodsOf: (broker: Broker) => readonly AuthenticationMethod[] = () => [],
  ): Promise<MqttLife> {
    const bench = await new CoreBench({}, metadata, store).start()
    const { broker, clock } = bench
    const opening = MqttFrontEnd.open({
      broker,
      clock,
      pool: new BufferPool(),
      logins: openTo(broker),
      anonymous: { user: 'guest', password: 'guest' },
      certificateLogin: null,
      authenticationMethods: new Map(methodsOf(broker).map((method) => [method.name, method])),
      version: 'test',
      vhost: '/',
      exchange: 'amq.topic',
      prefetch: 10,
      maxSessionExpirySec: Infinity,
      durableQueueType: 'classic',
      packetBytesMaxUnauthenticated: 65_536,
      packetBytesMax: 1_048_576,
      topicAliasMaximum: 0,
      receiveMaximum: 100,
      maxKeepAliveSec: 0,
      disconnectOnUnauthorized: true,
      sparkplug: false,
      loginTimeoutMs: 10_000,
      serverReference: null,
      sysIntervalMs: 0,
      retained: { messagesMax: -1, bytesMax: -1 },
    })
    return new MqttLife(bench, store, metadata, await pump(bench, opening))
  }

  /** The process ends here and now. @returns the next one, with what was on disk */
  crash(): Promise<MqttLife> {
    this.bench.clock.timers.clear()
    return MqttLife.begin(this.store.crash(), this.#metadata)
  }

  /** Everything goes on until the condition holds, but for the disk. */
  async until(condition: () => boolean): Promise<void> {
    for (let turns = 0; !condition(); turns++) {
      if (turns === TURNS_MAX) throw new Error('what was waited for does not happen')
      this.bench.turn.end()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  /** All that was recorded is on disk now, and what was asked for has been read. */
  settleDisk(): void {
    this.bench.settle()
  }

  /** A client of MQTT 5 whose session stays. */
  connect(
    clientId: string,
    receiveMaximum = 100,
    authentication: Authentication = {},
    more: Pick<IConnectPacket, 'will'> = {},
  ): MqttLifeClient {
    const [ours, theirs] = duplexPair()
    this.#frontEnd.accept(theirs, PEER)
    const client = new MqttLifeClient(this, ours)
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 5,
      clientId,
      clean: false,
      keepalive: 0,
      properties: { sessionExpiryInterval: 3600, receiveMaximum, ...authentication },
      ...more,
    })
    return client
  }
}

/** Sends what it is told to, and nothing by itself. */
export class MqttLifeClient {
  readonly #life: MqttLife
  readonly #socket: ReturnType<typeof duplexPair>[0]
  readonly #packets: Packet[] = []
  #isClosed = false

  constructor(life: MqttLife, socket: ReturnType<typeof duplexPair>[0]) {
    this.#life = life
    this.#socket = socket
    const parser = mqtt.parser({ protocolVersion: 5 })
    parser.on('packet', (packet: Packet) => this.#packets.push(packet))
    socket.on('data', (chunk: Buffer) => parser.parse(chunk))
    socket.on('close', () => (this.#isClosed = true))
  }

  send(packet: Packet): void {
    this.#socket.write(mqtt.generate(packet, { protocolVersion: 5 }))
  }

  publish(payload: string, messageId: number, more: Partial<IPublishPacket> = {}): void {
    this.send({ cmd: 'publish', topic: 'a', payload, qos: 2, messageId, dup: false, retain: false, ...more })
  }

  subscribe(topic: string, qos: 0 | 1 | 2): void {
    this.send({ cmd: 'subscribe', messageId: 99, subscriptions: [{ topic, qos }] })
  }

  answer(cmd: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', messageId: number): void {
    this.send({ cmd, messageId, reasonCode: 0 })
  }

  /** The next packet, in short: `publish one id 1 QoS 2`, `pubrec id 1`, `auth 24 data`. */
  async next(): Promise<string> {
    await this.#life.until(() => this.#packets.length > 0)
    return inShort(this.#packets.shift()!)
  }

  /** Everything that was sent before has been dealt with, as far as the disk is not needed. @returns what came meanwhile */
  async ping(): Promise<string[]> {
    this.send({ cmd: 'pingreq' })
    await this.#life.until(() => this.#packets.at(-1)?.cmd === 'pingresp')
    return this.#packets.splice(0).slice(0, -1).map(inShort)
  }

  /** Without a word; the broker has noticed. */
  async cut(): Promise<void> {
    const { connections } = this.#life.bench.broker
    const left = connections.size - 1
    this.#socket.end()
    await this.#life.until(() => this.#isClosed && connections.size === left)
  }
}

function inShort(packet: Packet): string {
  if (packet.cmd === 'disconnect') return `disconnect ${packet.reasonCode}`
  if (packet.cmd === 'auth') {
    const data = packet.properties?.authenticationData?.toString()
    return `auth ${packet.reasonCode}${data === undefined ? '' : ` ${data}`}`
  }
  if (packet.cmd !== 'publish')
    return packet.messageId === undefined ? packet.cmd : `${packet.cmd} id ${packet.messageId}`
  const { payload, messageId, qos, dup } = packet
  return `publish ${payload.toString()} id ${messageId} QoS ${qos}${dup ? ' dup' : ''}`
}
