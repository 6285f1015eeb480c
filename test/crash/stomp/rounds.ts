import { Random } from '../../../tools/fuzz/frames.ts'
import type { ReceivedFrame } from '../../support/stomp-wire.ts'
import { type BrokerRunner, within } from '../broker-process.ts'
import { type ProtocolCrashOptions, type ProtocolCrashRun, runProtocolRounds } from '../protocol-rounds.ts'
import { bodyOf, StompBook, SUBSCRIBERS, type SubscriberName } from './book.ts'
import { RawClient } from './raw-client.ts'

const PUBLISHERS = ['one', 'two'] as const
const QUEUE = '/queue/crash'
/** By the name of the subscriber. The topics' one is the same durable subscription in each life. */
const SUBSCRIPTIONS = {
  queue: { id: 'queue', destination: QUEUE },
  topics: { id: 'topics', destination: '/topic/crash.#', durable: true, 'auto-delete': false },
} as const
const UNANSWERED_MAX = 20
const PREFETCH = 50
const TRANSACTION_MESSAGES = 3
const SHORTEST_LIFE_MS = 100
const LONGEST_LIFE_MS = 1500
const CONNECT_WITHIN_MS = 20_000
const DRAIN_WITHIN_MS = 60_000

/** Lets STOMP clients work with a broker that is killed again and again. @returns what was wrong, in words */
export const runStompCrashRounds = (options: ProtocolCrashOptions): Promise<readonly string[]> =>
  runProtocolRounds(options, (runner) => new StompCrashRun(options, runner))

class StompCrashRun implements ProtocolCrashRun {
  readonly book = new StompBook()
  readonly #options: ProtocolCrashOptions
  readonly #runner: BrokerRunner
  readonly #random: Random
  #port = 0
  #sent = 0

  constructor(options: ProtocolCrashOptions, runner: BrokerRunner) {
    this.#options = options
    this.#runner = runner
    this.#random = new Random(options.seed)
  }

  /** Some lives of the broker under load, each ended by a kill; then one in which everything comes where it belongs. */
  async round(): Promise<void> {
    const kills = 1 + this.#random.below(3)
    for (let i = 0; i < kills && this.book.mistakes.length === 0; i++) await this.#life(true)
    const { count } = this.book
    if (this.book.mistakes.length === 0) await this.#life(false)
    this.#options.print(`life ${this.book.life}: ${count} messages, ${this.book.mistakes.length} mistakes`)
    this.book.forget()
  }

  async #life(killed: boolean): Promise<void> {
    this.book.life++
    const flags = ['--protocols', 'amqp,stomp', '--stomp-port', '0', '--web-stomp-port', 'none', ...this.#options.flags]
    const warren = await this.#runner.start(flags)
    this.#port = warren.port('STOMP')
    // what is published before there is a subscription is nobody's
    const isSure = killed ? (): boolean => this.#random.once(2) : (): boolean => true
    const subscribers = await Promise.all(SUBSCRIBERS.map((name) => this.#subscribe(name, isSure)))
    const publishers = await Promise.all(PUBLISHERS.map((name) => this.#connect(name, () => {})))
    const programs = killed
      ? PUBLISHERS.map((name, i) => this.#publish(name, publishers[i]!))
      : [this.#drain(subscribers, publishers[0]!)]
    const over = Promise.all(programs)
    const ms = SHORTEST_LIFE_MS + this.#random.below(LONGEST_LIFE_MS - SHORTEST_LIFE_MS)
    if (killed) await Promise.race([over, new Promise((resolve) => setTimeout(resolve, ms))])
    else await over
    await this.#runner.stop('SIGKILL')
    await Promise.all([over, ...subscribers.map((client) => client.whenClosed)])
    for (const line of warren.stderr.split('\n')) if (/ \[(error|fatal)\] /.test(line)) this.book.complain(line)
  }

  async #connect(who: string, onMessage: (frame: ReceivedFrame) => void): Promise<RawClient> {
    const onFrame = (frame: ReceivedFrame): void => {
      if (frame.command === 'MESSAGE') onMessage(frame)
      else this.book.complain(`${who} got ${frame.command}: ${frame.body.toString()}`)
    }
    const client = await within(CONNECT_WITHIN_MS, `${who} to be connected`, RawClient.connect(this.#port, onFrame))
    if (client === null) throw new Error(`${who} was not let in`)
    return client
  }

  // ---- publishers ----

  async #publish(name: string, client: RawClient): Promise<void> {
    const random = new Random(this.#random.below(0x7fff_ffff))
    while (await client.until(() => client.unanswered < UNANSWERED_MAX)) {
      if (random.once(5)) this.#sendTransaction(client, name, random)
      else {
        const { headers, body, confirmed } = this.#compose(name, random, null)
        client.sendWithReceipt('SEND', headers, body, confirmed)
      }
    }
  }

  #sendTransaction(client: RawClient, name: string, random: Random): void {
    const transaction = `${name}-${++this.#sent}`
    client.send('BEGIN', { transaction })
    const confirmed: (() => void)[] = []
    for (let i = 0; i < TRANSACTION_MESSAGES; i++) {
      const message = this.#compose(name, random, transaction)
      confirmed.push(message.confirmed)
      client.send('SEND', { ...message.headers, transaction }, message.body)
    }
    const committed = (): void => confirmed.forEach((confirm) => confirm())
    client.sendWithReceipt('COMMIT', { transaction }, '', committed)
  }

  #compose(name: string, random: Random, transaction: string | null) {
    const to = random.of(SUBSCRIBERS)
    const id = `${name}#${++this.#sent}`
    const body = bodyOf(id, random.below(random.once(50) ? 40_000 : 300))
    const destination = to === 'queue' ? QUEUE : `/topic/crash.${random.below(3)}`
    const headers = { destination, persistent: true, 'content-length': body.length }
    return { headers, body, confirmed: this.book.sends(id, to, transaction) }
  }

  // ---- subscribers ----

  /** @param isSure whether the next acknowledgement is to be made in a transaction, whose receipt is waited for */
  async #subscribe(name: SubscriberName, isSure: () => boolean): Promise<RawClient> {
    let transactions = 0
    const client = await this.#connect(name, (frame) => {
      const settled = this.book.receives(name, frame)
      const id = frame.headers['ack']!
      if (!isSure()) {
        client.send('ACK', { id })
        return
      }
      const transaction = String(++transactions)
      client.send('BEGIN', { transaction })
      client.send('ACK', { id, transaction })
      client.sendWithReceipt('COMMIT', { transaction }, '', settled)
    })
    let isThere = false
    const headers = { ...SUBSCRIPTIONS[name], ack: 'client-individual', 'prefetch-count': PREFETCH }
    client.sendWithReceipt('SUBSCRIBE', headers, '', () => (isThere = true))
    await client.until(() => isThere)
    return client
  }

  /** Subscribers get all that they have not got, up to a last message for each, and acknowledge it for good. */
  async #drain(subscribers: readonly RawClient[], publisher: RawClient): Promise<void> {
    const lasts = SUBSCRIBERS.map((to) => {
      const id = `last#${++this.#sent}`
      const destination = to === 'queue' ? QUEUE : '/topic/crash.last'
      const confirmed = this.book.sends(id, to, null)
      publisher.sendWithReceipt('SEND', { destination, persistent: true }, bodyOf(id, 0), confirmed)
      return id
    })
    const waits = subscribers.map((client, i) =>
      client.until(() => this.book.hasSettled(lasts[i]!) && client.unanswered === 0),
    )
    try {
      await within(DRAIN_WITHIN_MS, 'the last messages', Promise.all(waits))
    } catch (error) {
      this.book.complain((error as Error).message)
    }
    this.book.check()
  }
}
