import { Client, type IMessage } from '@stomp/stompjs'
import { type Facts, Inbox, present, type Received, type Side } from './side.ts'

/** STOMP 1.2 over WebSocket. */
export class StompSide implements Side {
  readonly name = 'STOMP'
  readonly #client: Client
  #receipts = 0

  private constructor(client: Client) {
    this.#client = client
  }

  static async connect(brokerURL: string): Promise<StompSide> {
    const client = new Client({
      brokerURL,
      connectHeaders: { login: 'guest', passcode: 'guest', host: '/' },
      reconnectDelay: 0,
      heartbeatIncoming: 0,
      heartbeatOutgoing: 0,
    })
    await new Promise<void>((resolve, reject) => {
      client.onConnect = () => resolve()
      client.onStompError = ({ headers }) => reject(new Error(headers['message']))
      client.activate()
    })
    return new StompSide(client)
  }

  async publish(key: string, body: Buffer, facts: Facts): Promise<void> {
    await this.#withReceipt((receipt) =>
      this.#client.publish({
        destination: `/topic/${key}`,
        binaryBody: new Uint8Array(body),
        headers: { ...headersOf(facts), receipt },
      }),
    )
  }

  async subscribe(key: string): Promise<Inbox> {
    const inbox = new Inbox()
    const take = (message: IMessage): void => inbox.take(received(message))
    await this.#withReceipt((receipt) => this.#client.subscribe(`/topic/${key}`, take, { receipt }))
    return inbox
  }

  async #withReceipt(act: (receipt: string) => void): Promise<void> {
    const receipt = `receipt-${++this.#receipts}`
    const answered = new Promise<void>((resolve) => this.#client.watchForReceipt(receipt, () => resolve()))
    act(receipt)
    await answered
  }

  close(): Promise<void> {
    return this.#client.deactivate()
  }
}

/** Properties as headers. */
const NAMES = {
  'content type': 'content-type',
  'content encoding': 'content-encoding',
  'correlation id': 'correlation-id',
  'reply to': 'reply-to',
  'time to live': 'expiration',
  persistent: 'persistent',
  priority: 'priority',
  'message id': 'amqp-message-id',
  timestamp: 'timestamp',
  type: 'type',
  'user id': 'user-id',
  'application id': 'app-id',
} as const satisfies Record<Exclude<keyof Facts, 'headers'>, string>

const OF_THE_FRAME = new Set(['subscription', 'destination', 'message-id', 'redelivered', 'content-length'])

function headersOf(facts: Facts): Record<string, string> {
  const named = Object.entries(NAMES).flatMap(([fact, name]) => {
    const value = facts[fact as keyof typeof NAMES]
    return value === undefined ? [] : [[name, String(value)]]
  })
  return { ...facts.headers, ...(Object.fromEntries(named) as Record<string, string>) }
}

function received({ headers, binaryBody }: IMessage): Received {
  const of = (fact: keyof typeof NAMES): string | undefined => headers[NAMES[fact]]
  const number = (fact: keyof typeof NAMES): number | null => (of(fact) === undefined ? null : Number(of(fact)))
  const known = new Set<string>([...Object.values(NAMES), ...OF_THE_FRAME])
  const facts = present({
    'content type': of('content type') ?? null,
    'content encoding': of('content encoding') ?? null,
    'correlation id': of('correlation id') ?? null,
    'reply to': of('reply to') ?? null,
    'time to live': number('time to live'),
    persistent: of('persistent') === 'true' ? true : null,
    priority: number('priority'),
    'message id': of('message id') ?? null,
    timestamp: number('timestamp'),
    type: of('type') ?? null,
    'user id': of('user id') ?? null,
    'application id': of('application id') ?? null,
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !known.has(name))),
  })
  return { body: Buffer.from(binaryBody), facts }
}
