import { setTimeout as delay } from 'node:timers/promises'
import { propertiesFromJson, type AmqpConnection } from '../../amqp-client/index.ts'
import { amqpFailure, connectTo, connectToNode, parseUri } from '../amqp.ts'
import { ApiError, type HttpApi } from '../api/http.ts'
import type { Job } from '../api/jobs.ts'
import { route } from '../api/route.ts'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import { ConfirmedPublisher } from './confirmed-publisher.ts'
import { isFiltered, noQueue, readMessages, readSelection, SELECTION_OPTIONS } from './selection.ts'
import { takeMessages } from './take-messages.ts'
import { URI_OPTION, VHOST_OPTION, type Tool, type ToolContext } from './tool.ts'

const INTERRUPTED = 130
const POLL_MS = 100

type Action = 'move' | 'copy'

const transferTool = (action: Action): Tool => ({
  name: action,
  summary:
    action === 'move'
      ? 'Moves messages from a queue to another queue or to an exchange, also of another broker'
      : 'Copies messages of a queue to another queue or to an exchange, also of another broker',
  description:
    action === 'move'
      ? `Within a node it is a job of the node: nothing is lost when the node stops in between. To another broker, a message is taken
away when the other one has confirmed it; it may be there twice after a crash, and is not lost.`
      : `Within a node it is a job of the node. The messages stay where they are, unmarked and in their order.`,
  usesApi: true,
  arguments: [
    { name: 'source', help: 'the queue that they are in', completion: 'queue' },
    { name: 'destination', help: 'the queue that they go to', optional: true, completion: 'queue' },
  ],
  options: [
    VHOST_OPTION,
    {
      flags: '--to-exchange <name>',
      help: 'publish them to this exchange, in place of a queue',
      completion: 'exchange',
    },
    { flags: '--routing-key <key>', help: "with this routing key, in place of the message's own" },
    {
      flags: '--to-vhost <vhost>',
      help: 'virtual host of the destination; the same where left out',
      completion: 'vhost',
    },
    { flags: '--to-uri <uri>', help: 'AMQP address of another broker: amqp://user:password@host/vhost' },
    ...SELECTION_OPTIONS,
    { flags: '--json', help: 'the result as JSON' },
    URI_OPTION,
  ],
  examples:
    action === 'move'
      ? [
          'move orders.dlq orders',
          'move orders --to-exchange events --key "eu.*" --limit 1000',
          'move orders orders --to-uri amqp://other-host',
        ]
      : ['copy orders orders.test --limit 100', 'copy orders orders --to-uri amqp://guest:guest@staging'],
  async run(context) {
    const transfer = readTransfer(context, action)
    const toUri = context.option('to-uri')
    if (toUri === undefined) return runJob(context, transfer)
    return betweenBrokers(context, transfer, toUri)
  },
})

interface Transfer {
  readonly action: Action
  readonly vhost: string
  readonly source: string
  readonly to: { readonly queue: string } | { readonly exchange: string; readonly routing_key: string | null }
}

function readTransfer({ args, option, vhost }: ToolContext, action: Action): Transfer {
  const [source, queue] = args as [string, string?]
  const exchange = option('to-exchange')
  const key = option('routing-key')
  if ((queue === undefined) === (exchange === undefined))
    throw new UsageError('name a queue to go to, or an exchange with --to-exchange')
  if (queue !== undefined && key !== undefined) throw new UsageError('--routing-key is for --to-exchange')
  const to = queue === undefined ? { exchange: exchange!, routing_key: key ?? null } : { queue }
  return { action, vhost: vhost ?? '/', source, to }
}

// ---- within a node ----

async function runJob(context: ToolContext, { action, vhost, source, to }: Transfer): Promise<number> {
  const api = await context.api()
  const { state, header, key, body, limit } = readSelection(context)
  const toVhost = context.option('to-vhost')
  const select = {
    state,
    header: header ?? [],
    ...(key !== undefined && { key }),
    ...(body !== undefined && { body }),
    ...(limit !== undefined && { limit }),
  }
  const request = { action, select, to: { ...to, ...(toVhost !== undefined && { vhost: toVhost }) } }
  const job = await startJob(api, vhost, source, request)
  return report(context, await followJob(context, api, job), action)
}

async function startJob(api: HttpApi, vhost: string, queue: string, request: object): Promise<Job> {
  try {
    return await api.post<Job>(route`/queues/${vhost}/${queue}/messages/actions`, request)
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 405)) throw error
    if ((await api.find(`${route`/queues/${vhost}/${queue}`}?columns=name`)) === null) throw noQueue(vhost, queue)
    if (error.status === 404 && /queue|exchange/.test(error.reason)) throw error
    throw new CliError(
      EXIT.unavailable,
      'the node has no such jobs: it is no WarrenMQ. With --to-uri, messages go by AMQP',
      { cause: error },
    )
  }
}

/** Until its end. Ctrl-C cancels it. */
async function followJob({ interrupted, terminal }: ToolContext, api: HttpApi, started: Job): Promise<Job> {
  const path = route`/jobs/${started.id}`
  let cancelling = false
  for (let job = started; ; job = await api.get<Job>(path)) {
    terminal.progress(`${job.done}${job.total === null ? '' : ` of ${job.total}`} messages`)
    if (job.state !== 'running') {
      terminal.endProgress()
      return job
    }
    if (interrupted.aborted && !cancelling) {
      cancelling = true
      await api.delete(path)
    } else {
      await delay(POLL_MS, undefined, cancelling ? {} : { signal: interrupted }).catch(() => {})
    }
  }
}

function report({ flag, terminal }: ToolContext, { id, ...job }: Job, action: Action): number {
  const what = `${job.done} messages ${action === 'move' ? 'moved' : 'copied'}`
  if (flag('json')) terminal.print(JSON.stringify({ id, ...job }))
  else terminal.print(job.state === 'cancelled' ? `cancelled: ${what}` : what)
  if (job.state === 'cancelled') return INTERRUPTED
  if (job.state === 'done') return EXIT.ok
  throw new CliError(EXIT.unavailable, job.error ?? `the job is ${job.state}`)
}

// ---- to another broker ----

async function betweenBrokers(context: ToolContext, transfer: Transfer, toUri: string): Promise<number> {
  const { interrupted, option } = context
  const connections: AmqpConnection[] = []
  try {
    const target = await connectTo(
      parseUri(toUri, option('to-vhost') ?? null),
      `warren ${transfer.action}`,
      interrupted,
    )
    connections.push(target)
    const publisher = await ConfirmedPublisher.open(target)
    try {
      if (transfer.action === 'copy') await copyTo(context, transfer, publisher)
      else await moveTo(context, transfer, publisher, connections)
    } catch (error) {
      if (!interrupted.aborted) throw amqpFailure(error, 'AMQP')
    }
    const state = interrupted.aborted ? 'cancelled' : 'done'
    context.terminal.endProgress()
    return report(context, { id: '', state, done: publisher.confirmed, total: null, error: null }, transfer.action)
  } finally {
    await Promise.all(connections.map((connection) => connection.close()))
  }
}

const addressFor = ({ to }: Transfer, ownKey: string): [exchange: string, routingKey: string] =>
  'queue' in to ? ['', to.queue] : [to.exchange, to.routing_key ?? ownKey]

/** Read over HTTP, since who reads by AMQP marks the messages. */
async function copyTo(context: ToolContext, transfer: Transfer, publisher: ConfirmedPublisher): Promise<void> {
  const { vhost, source } = transfer
  const selection = readSelection(context)
  for await (const message of readMessages(await context.api(), vhost, source, selection, context.interrupted)) {
    const body = Buffer.from(message.payload, message.payload_encoding === 'base64' ? 'base64' : 'utf8')
    const [exchange, key] = addressFor(transfer, message.routing_key)
    await publisher.publish(exchange, key, propertiesFromJson(message.properties), body)
    context.terminal.progress(`${publisher.confirmed} messages copied`)
  }
  await publisher.settle()
}

async function moveTo(
  context: ToolContext,
  transfer: Transfer,
  publisher: ConfirmedPublisher,
  connections: AmqpConnection[],
): Promise<void> {
  const selection = readSelection(context)
  if (isFiltered(selection)) throw new UsageError('--header, --key and --body are for moves within a node')
  const connection = await connectToNode(context, 'warren move')
  connections.push(connection)
  const channel = await connection.openChannel()
  const limit = selection.limit ?? Infinity
  for await (const delivery of takeMessages(channel, transfer.source, limit, () => context.interrupted.aborted)) {
    const [exchange, key] = addressFor(transfer, delivery.routingKey)
    await publisher.publish(exchange, key, delivery.propertyBytes, delivery.body, () =>
      channel.ack(delivery.deliveryTag),
    )
    context.terminal.progress(`${publisher.confirmed} messages moved`)
  }
  await publisher.settle()
  await channel.close()
}

export const moveTool = transferTool('move')
export const copyTool = transferTool('copy')
