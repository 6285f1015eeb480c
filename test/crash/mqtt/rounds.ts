import type { IPublishPacket, QoS } from 'mqtt-packet'
import { Random } from '../../../tools/fuzz/frames.ts'
import { eventually } from '../../support/with-broker.ts'
import { type BrokerRunner, within } from '../broker-process.ts'
import { type ProtocolCrashOptions, type ProtocolCrashRun, runProtocolRounds } from '../protocol-rounds.ts'
import { bodyOf, MqttBook, type Subscriber } from './book.ts'
import { ClientState, RawClient, type Version } from './raw-client.ts'

const SUBSCRIBERS: readonly Subscriber[] = [
  { clientId: 'one-5', version: 5, filter: 's/0/#', qos: 2 },
  { clientId: 'one-4', version: 4, filter: 's/+/x', qos: 2 },
  { clientId: 'all-4', version: 4, filter: 's/#', qos: 1 },
  { clientId: 'all-5', version: 5, filter: 's/#', qos: 2 },
]
const PUBLISHERS: readonly (readonly [clientId: string, version: Version])[] = [
  ['from-4', 4],
  ['from-5', 5],
  ['also-5', 5],
]
const WRITER = 'writer'
const RETAINED_TOPICS = 20
/** The last one in the order of topics: who has got it has got all. */
const LAST_RETAINED = 'r/~'
const IN_FLIGHT_MAX = 20
/** Messages after which a publisher's network may fail. */
const CUT_ONCE_IN = 300
const SHORTEST_LIFE_MS = 100
const LONGEST_LIFE_MS = 1500
const CONNECT_WITHIN_MS = 20_000
const DRAIN_WITHIN_MS = 60_000
/** Of what never came, in a mistake's text. */
const MISSING_SHOWN = 20

/** Lets MQTT clients work with a broker that is killed again and again. @returns what was wrong, in words */
export const runMqttCrashRounds = (options: ProtocolCrashOptions): Promise<readonly string[]> =>
  runProtocolRounds(options, (runner) => new MqttCrashRun(options, runner))

class MqttCrashRun implements ProtocolCrashRun {
  readonly book = new MqttBook()
  readonly #options: ProtocolCrashOptions
  readonly #runner: BrokerRunner
  readonly #random: Random
  readonly #states = new Map<string, ClientState>()
  /** How many messages each publisher has sent. */
  readonly #sent = new Map<string, number>()
  #port = 0
  #ending = false

  constructor(options: ProtocolCrashOptions, runner: BrokerRunner) {
    this.#options = options
    this.#runner = runner
    this.#random = new Random(options.seed)
    for (const subscriber of SUBSCRIBERS) {
      this.book.addSubscriber(subscriber)
      this.#states.set(subscriber.clientId, new ClientState(subscriber.clientId, subscriber.version))
    }
    for (const [clientId, version] of PUBLISHERS) this.#states.set(clientId, new ClientState(clientId, version))
    this.#states.set(WRITER, new ClientState(WRITER, 5))
  }

  /** A life of the broker: what it has kept, load, and its end; then one in which everything comes where it belongs. */
  async round(): Promise<void> {
    const kills = 1 + this.#random.below(3)
    for (let i = 0; i < kills && this.book.mistakes.length === 0; i++) await this.#life(true)
    const count = this.book.count
    if (this.book.mistakes.length === 0) await this.#life(false)
    this.#options.print(`life ${this.book.life}: ${count} messages, ${this.book.mistakes.length} mistakes`)
    this.book.forget()
  }

  async #life(killed: boolean): Promise<void> {
    this.book.life++
    this.#ending = false
    const flags = ['--protocols', 'amqp,mqtt', '--mqtt-port', '0', '--web-mqtt-port', 'none', ...this.#options.flags]
    const warren = await this.#runner.start(flags)
    this.#port = warren.port('MQTT')
    await this.#checkRetained()
    const clients = await this.#connectSubscribers()
    const programs = killed ? this.#load() : [this.#drain()]
    const over = Promise.all(programs)
    const ms = SHORTEST_LIFE_MS + this.#random.below(LONGEST_LIFE_MS - SHORTEST_LIFE_MS)
    if (killed) await Promise.race([over, new Promise((resolve) => setTimeout(resolve, ms))])
    else await over
    this.#ending = true
    await this.#runner.stop('SIGKILL')
    await Promise.all([over, ...clients.map((client) => client.whenClosed)])
    for (const line of warren.stderr.split('\n')) if (/ \[(error|fatal)\] /.test(line)) this.book.complain(line)
  }

  async #connect(clientId: string, onMessage: (packet: IPublishPacket) => void): Promise<RawClient | null> {
    const state = this.#states.get(clientId)!
    const complain = (text: string): void => this.book.complain(text)
    const onStep = (payload: Buffer, step: string): void => this.book.notes(clientId, payload, step)
    const options = { port: this.#port, state, version: state.version, onMessage, complain, onStep }
    const client = await within(CONNECT_WITHIN_MS, `${clientId} to be connected`, RawClient.connect(options))
    if (client === null && !this.#ending) this.book.complain(`${clientId} was not let in`)
    return client
  }

  async #connectSubscribers(): Promise<RawClient[]> {
    const clients: RawClient[] = []
    for (const { clientId, filter, qos } of SUBSCRIBERS) {
      const isNew = !this.#states.get(clientId)!.hasSession
      const client = await this.#connect(clientId, (packet) => this.book.receives(clientId, packet))
      if (client === null) continue
      clients.push(client)
      if (isNew) await client.subscribe(filter, qos)
    }
    return clients
  }

  #load(): Promise<void>[] {
    return [...PUBLISHERS.map(([clientId]) => this.#publish(clientId)), this.#write()]
  }

  async #publish(clientId: string): Promise<void> {
    const random = new Random(this.#random.below(0x7fff_ffff))
    while (!this.#ending) {
      const client = await this.#connect(clientId, () => {})
      if (client === null) return
      let left = 1 + random.below(CUT_ONCE_IN)
      while (left-- > 0 && (await client.until(() => client.state.outgoing.size < IN_FLIGHT_MAX))) {
        const topic = `s/${random.below(3)}/${random.of(['x', 'y', 'a.b'])}`
        const qos = (1 + random.below(2)) as QoS
        const number = this.#sent.get(clientId) ?? 0
        this.#sent.set(clientId, number + 1)
        const done = this.book.publishes(clientId, number, topic, qos)
        const payload = bodyOf(clientId, number, random.below(random.once(50) ? 40_000 : 300))
        client.publish({ topic, qos, retain: false, payload }, done)
      }
      await client.cut()
    }
  }

  /** Retains values, and clears topics. */
  async #write(): Promise<void> {
    const random = new Random(this.#random.below(0x7fff_ffff))
    const isNew = !this.#states.get(WRITER)!.hasSession
    const client = await this.#connect(WRITER, () => {})
    if (client === null) return
    // one QoS for each topic: what is confirmed is so in the order in which it was sent
    const retain = (topic: string, value: string | null, qos: QoS): void => {
      client.publish({ topic, qos, retain: true, payload: value ?? '' }, this.book.retains(topic, value))
    }
    if (isNew) retain(LAST_RETAINED, 'last', 1)
    while (await client.until(() => client.state.outgoing.size < IN_FLIGHT_MAX)) {
      const number = this.#sent.get(WRITER) ?? 0
      this.#sent.set(WRITER, number + 1)
      const topic = random.below(RETAINED_TOPICS)
      retain(`r/${topic}`, random.once(5) ? null : `value ${number}`, topic % 2 === 0 ? 1 : 2)
    }
  }

  /** What a subscriber who comes now finds, before anything is retained in this life. */
  async #checkRetained(): Promise<void> {
    const found = new Map<string, string>()
    const onMessage = ({ topic, payload, retain }: IPublishPacket): void => {
      if (!retain) this.book.complain(`${topic} comes as a new message`)
      if (found.has(topic)) this.book.complain(`${topic} comes twice`)
      found.set(topic, payload.toString())
    }
    const complain = (text: string): void => this.book.complain(text)
    const client = await RawClient.connect({ port: this.#port, state: null, version: 5, onMessage, complain })
    if (client === null) throw new Error('nobody is let in')
    await client.subscribe('r/#', 1)
    const isThere = this.book.isRetained(LAST_RETAINED)
    if (isThere)
      await within(
        DRAIN_WITHIN_MS,
        'retained messages',
        client.until(() => found.has(LAST_RETAINED)),
      )
    await client.cut()
    if (isThere) this.book.foundRetained(found)
  }

  /** Publishers send what was not answered, and subscribers get all that they have not got. */
  async #drain(): Promise<void> {
    const clients: RawClient[] = []
    for (const clientId of [...PUBLISHERS.map(([name]) => name), WRITER]) {
      const client = await this.#connect(clientId, () => {})
      if (client !== null) clients.push(client)
    }
    const answered = clients.map((client) => client.until(() => client.state.outgoing.size === 0))
    try {
      await within(DRAIN_WITHIN_MS, 'all messages to be confirmed', Promise.all(answered))
      await eventually(() => this.book.missing().next().done === true, DRAIN_WITHIN_MS)
    } catch (error) {
      if (!(error instanceof Error)) throw error
      this.book.complain(error.message)
      for (const text of [...this.book.missing()].slice(0, MISSING_SHOWN)) this.book.complain(text)
    }
  }
}
