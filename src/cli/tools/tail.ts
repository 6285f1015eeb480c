import { setTimeout as delay } from 'node:timers/promises'
import { type AmqpConnection, type Channel, type Delivery, type Table } from '../../amqp-client/index.ts'
import { amqpFailure, connectToNode } from '../amqp.ts'
import { ApiError, type HttpApi } from '../api/http.ts'
import { route } from '../api/route.ts'
import { changeVhost, type Vhost } from '../api/vhosts.ts'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import { readFirehose } from './firehose.ts'
import { lineOfDelivery } from './message-line.ts'
import { clock, messageText, type MessageSight } from './message-text.ts'
import { LIMIT_OPTION, URI_OPTION, VHOST_OPTION, type Tool, type ToolContext } from './tool.ts'

const POLL_MS = 250
/** How long a trace lasts before another one follows it. */
const TRACE_SEC = 600
const TRACE_EXCHANGE = 'amq.rabbitmq.trace'
/** What waits for the terminal: more than that is left out, and takes no memory of the broker. */
const BACKLOG_MAX = 10_000
const PREFETCH = 1000

export const tailTool: Tool = {
  name: 'tail',
  summary: 'Prints messages as they pass through an exchange or a queue, until interrupted',
  description: `Of an exchange it shows what is published to it, by a queue of its own that is gone afterwards. Of a queue it shows what happens to its
messages (published, delivered, acknowledged …), without their bodies; with --firehose it shows them with their bodies, for which
the node copies every message of the virtual host for as long as it takes. What comes faster than it can be shown is left out.`,
  usesApi: true,
  arguments: [{ name: 'name', help: 'of an exchange or a queue', completion: 'queue' }],
  options: [
    VHOST_OPTION,
    { flags: '--queue', help: 'it is a queue, though an exchange is called the same' },
    { flags: '--exchange', help: 'it is an exchange, though a queue is called the same' },
    { flags: '--key <routing-key>', help: 'only messages with this routing key; for a topic exchange a pattern (#)' },
    { flags: '--firehose', help: 'of a queue: with bodies, by trace_on' },
    { flags: '--json', help: 'a line of JSON for each' },
    LIMIT_OPTION,
    URI_OPTION,
  ],
  examples: ['tail events --key "eu.#"', 'tail orders', 'tail orders --firehose --json | jq -r .body'],
  async run(context) {
    const { flag, args } = context
    const name = args[0]!
    if (flag('queue') && flag('exchange')) throw new UsageError('--queue and --exchange exclude each other')
    const isQueue = flag('queue') || (!flag('exchange') && (await isNameOfQueue(context, name)))
    if (!isQueue) await tailExchange(context, name)
    else if (flag('firehose')) await tailFirehose(context, name)
    else await tailTrace(context, name)
    return EXIT.ok
  },
}

async function isNameOfQueue(context: ToolContext, name: string): Promise<boolean> {
  const api = await context.api()
  const vhost = context.vhost ?? '/'
  const [queue, exchange] = await Promise.all([
    api.find(`${route`/queues/${vhost}/${name}`}?columns=name`),
    api.find(`${route`/exchanges/${vhost}/${name}`}?columns=name`),
  ])
  if (queue !== null && exchange !== null)
    throw new UsageError(`'${name}' is a queue and an exchange: say which with --queue or --exchange`)
  if (queue === null && exchange === null)
    throw new CliError(EXIT.unavailable, `there is no queue or exchange '${name}' in vhost '${vhost}'`)
  return queue !== null
}

// ---- printing ----

/** Counts, so that a limit can end it. */
class Printer {
  readonly #context: ToolContext
  readonly #finished = new AbortController()
  #left: number

  constructor(context: ToolContext) {
    this.#context = context
    this.#left = context.number('limit') ?? Infinity
  }

  /** Ends with Ctrl-C, or when enough is printed. */
  get ended(): AbortSignal {
    return AbortSignal.any([this.#context.interrupted, this.#finished.signal])
  }

  message(sight: MessageSight): void {
    this.line({ at: sight.at, ...(sight.event !== undefined && { event: sight.event }), ...sight.message }, () =>
      messageText(sight, (text) => this.#context.terminal.bold(text)),
    )
  }

  line(json: object, text: () => string): void {
    if (this.#left <= 0) return
    const { flag, terminal } = this.#context
    terminal.print(flag('json') ? JSON.stringify(json) : text())
    if (--this.#left <= 0) this.#finished.abort()
  }
}

// ---- exchanges, and the exchange that copies go to ----

/** Types where one more binding would take messages away from the others. */
const DIVIDING = /^x-(consistent-hash|modulus-hash|random|local-random)$/

interface Exchange {
  readonly type: string
  readonly arguments: Readonly<Record<string, unknown>>
}

interface Binding {
  readonly routing_key: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** Routing keys under which everything comes, or what was asked for. */
async function bindingKeys(context: ToolContext, name: string): Promise<readonly string[]> {
  const key = context.option('key')
  const api = await context.api()
  const vhost = context.vhost ?? '/'
  const exchange = await api.find<Exchange>(route`/exchanges/${vhost}/${name === '' ? 'amq.default' : name}`)
  if (exchange === null) throw new CliError(EXIT.unavailable, `there is no exchange '${name}' in vhost '${vhost}'`)
  if (name === '') throw new UsageError('nothing can be bound to the default exchange: tail the queue')
  if (DIVIDING.test(exchange.type)) {
    throw new CliError(
      EXIT.unavailable,
      `an exchange of type ${exchange.type} gives each message to one queue only: tail the queues`,
    )
  }
  if (key !== undefined) return [key]
  const type = exchange.type === 'x-delayed-message' ? String(exchange.arguments['x-delayed-type']) : exchange.type
  if (type !== 'direct') return ['#']
  const bindings = await api.get<Binding[]>(route`/exchanges/${vhost}/${name}/bindings/source`)
  const keys = [...new Set(bindings.map((binding) => binding.routing_key))]
  if (keys.length === 0)
    throw new UsageError(`exchange '${name}' is direct and nothing is bound to it: say which messages with --key`)
  return keys
}

async function tailExchange(context: ToolContext, name: string): Promise<void> {
  const keys = await bindingKeys(context, name)
  const vhost = context.vhost ?? '/'
  await consumeCopies(context, name, keys, (delivery, printer) => {
    printer.message({ at: Date.now(), message: lineOfDelivery(vhost, null, delivery) })
  })
}

async function tailFirehose(context: ToolContext, queue: string): Promise<void> {
  const api = await context.api()
  const vhost = context.vhost ?? '/'
  const { tracing } = await api.get<Vhost>(route`/vhosts/${vhost}`)
  const key = context.option('key')
  if (!tracing) await changeVhost(api, vhost, { tracing: true })
  try {
    await consumeCopies(context, TRACE_EXCHANGE, ['publish.#', `deliver.${queue}`], (delivery, printer) => {
      const { event, queues, message } = readFirehose(delivery)
      if (!queues.includes(queue) || (key !== undefined && message.routing_key !== key)) return
      printer.message({ at: Date.now(), event, message: { ...message, queue } })
    })
  } finally {
    if (!tracing) await changeVhost(api, vhost, { tracing: false })
  }
}

async function consumeCopies(
  context: ToolContext,
  exchange: string,
  keys: readonly string[],
  onCopy: (delivery: Delivery, printer: Printer) => void,
): Promise<void> {
  const printer = new Printer(context)
  const connection = await connectToNode(context, 'warren tail')
  try {
    const channel = await connection.openChannel()
    const queue = await declareCopies(channel, exchange, keys)
    await channel.prefetch(PREFETCH)
    await channel.consume(queue, (delivery) => {
      onCopy(delivery, printer)
      channel.ack(delivery.deliveryTag)
    })
    context.terminal.printError(`waiting for messages; Ctrl-C ends it`)
    await ended(printer.ended, connection)
  } catch (error) {
    throw amqpFailure(error, `exchange '${exchange}'`)
  } finally {
    await connection.close()
  }
}

async function declareCopies(channel: Channel, exchange: string, keys: readonly string[]): Promise<string> {
  const limit: Table = new Map([['x-max-length', { type: 'signedint', value: BACKLOG_MAX }]])
  const { queue } = await channel.declareQueue('', { exclusive: true, autoDelete: true, arguments: limit })
  for (const key of keys) await channel.bindQueue(queue, exchange, key)
  return queue
}

/** @throws AmqpReplyError, AmqpNetworkError when the connection ends before */
function ended(signal: AbortSignal, connection: AmqpConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.once('closed', (error) => (error === null ? resolve() : reject(error)))
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

// ---- traces ----

interface TraceEvent {
  readonly n: number
  readonly at: number
  readonly message: string
  readonly event: string
  readonly exchange?: string
  readonly routing_key?: string
  readonly queue?: string
  readonly queues?: readonly string[]
  readonly connection?: string
  readonly consumer_tag?: string
  readonly user?: string
  readonly payload_bytes?: number
  readonly detail?: string
}

interface Trace {
  readonly id: string
  readonly state: 'running' | 'ended'
  readonly events: readonly TraceEvent[]
  readonly last: number
}

async function tailTrace(context: ToolContext, queue: string): Promise<void> {
  const api = await context.api()
  const vhost = context.vhost ?? '/'
  const printer = new Printer(context)
  const key = context.option('key')
  const wanted = { queue, ...(key !== undefined && { key }), seconds: TRACE_SEC }
  context.terminal.printError(`waiting for messages; Ctrl-C ends it`)
  while (!printer.ended.aborted) {
    const { id } = await startTrace(api, vhost, wanted)
    try {
      await followTrace(api, route`/message-traces/${vhost}/${id}`, printer)
    } finally {
      await api.delete(route`/message-traces/${vhost}/${id}`)
    }
  }
}

async function startTrace(api: HttpApi, vhost: string, wanted: object): Promise<Trace> {
  try {
    return await api.post<Trace>(route`/message-traces/${vhost}`, wanted)
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 405)) throw error
    throw new CliError(EXIT.unavailable, 'the node knows no traces: it is no WarrenMQ. Try --firehose', {
      cause: error,
    })
  }
}

async function followTrace(api: HttpApi, path: string, printer: Printer): Promise<void> {
  const { ended: signal } = printer
  for (let after = 0; !signal.aborted;) {
    const trace = await api.get<Trace>(`${path}?after=${after}`)
    for (const event of trace.events) printer.line(event, () => eventText(event))
    after = trace.last
    if (trace.state === 'ended') return
    await delay(POLL_MS, undefined, { signal }).catch(() => {})
  }
}

function eventText(event: TraceEvent): string {
  const facts = [
    clock(event.at),
    `#${event.message}`.padEnd(6),
    event.event.padEnd(11),
    ...(event.exchange === undefined
      ? []
      : [`${event.exchange === '' ? '(default)' : event.exchange} → ${event.routing_key ?? ''}`]),
    ...(event.queues === undefined ? [] : [`queues ${event.queues.join(', ')}`]),
    ...(event.payload_bytes === undefined ? [] : [`${event.payload_bytes} bytes`]),
    ...(event.consumer_tag === undefined ? [] : [`consumer ${event.consumer_tag}`]),
    ...(event.connection === undefined ? [] : [event.connection]),
    ...(event.user === undefined ? [] : [event.user]),
    ...(event.detail === undefined ? [] : [event.detail]),
  ]
  return facts.join('  ')
}
