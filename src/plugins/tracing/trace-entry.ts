import { erlangText } from '../../core/erlang-text.ts'
import { longstr, table } from '../../core/fields.ts'
import { propertiesToJson } from '../../core/properties-json.ts'
import type { Message } from '../../core/message.ts'
import { propertyTable } from '../../core/tracing/firehose.ts'
import type { Session } from '../../core/session.ts'

/** Of a payload whose trace has no limit of its own. */
const PAYLOAD_BYTES_MAX = 1024 * 1024
const LINE = '='.repeat(80)

/** One message that has been published or delivered. */
export interface TraceFacts {
  readonly node: string
  /** ms since the epoch. */
  readonly at: number
  readonly session: Session
  readonly message: Message
  /** Where it was published; else null. */
  readonly routedQueues: readonly string[] | null
  /** Where it was delivered; else null. */
  readonly queue: string | null
}

const timeOf = (at: number): string => new Date(at).toISOString().replace('Z', '+00:00')
const payloadOf = (message: Message, max: number | null): Buffer => message.body().subarray(0, max ?? PAYLOAD_BYTES_MAX)
const keysOf = ({ routingKey, extraKeys }: Message): string[] => [routingKey, ...(extraKeys ?? [])]

/** As RabbitMQ's tracing plugin writes it in the format `json`, with the payload in base64. */
export function jsonEntry({ node, at, session, message, routedQueues, queue }: TraceFacts, max: number | null): Buffer {
  const { connection, vhost, number } = session
  const entry = {
    channel: number,
    connection: connection.facts.name,
    exchange: message.exchange,
    node,
    payload: payloadOf(message, max).toString('base64'),
    properties: propertiesToJson(message.properties()),
    queue: queue ?? 'none',
    routed_queues: routedQueues ?? 'none',
    routing_keys: keysOf(message),
    timestamp: timeOf(at),
    type: queue === null ? 'published' : 'received',
    user: connection.user.name,
    vhost: vhost.name,
  }
  return Buffer.from(`${JSON.stringify(entry)}\n`)
}

/** And in the format `text`, with the payload as it is. */
export function textEntry({ node, at, session, message, routedQueues, queue }: TraceFacts, max: number | null): Buffer {
  const { connection, vhost, number } = session
  const list = (names: readonly string[]): string => `[${names.map((name) => erlangText(longstr(name))).join(',')}]`
  const target = queue === null ? `Routed queues: ${list(routedQueues ?? [])}` : `Queue:        ${queue}`
  const head = [
    '',
    LINE,
    `${timeOf(at)}: Message ${queue === null ? 'published' : 'received'}`,
    '',
    `Node:         ${node}`,
    `Connection:   ${connection.facts.name}`,
    `Virtual host: ${vhost.name}`,
    `User:         ${connection.user.name}`,
    `Channel:      ${number}`,
    `Exchange:     ${message.exchange}`,
    `Routing keys: ${list(keysOf(message))}`,
    target,
    `Properties:   ${erlangText(table(propertyTable(message.properties())))}`,
    'Payload: ',
    '',
  ].join('\n')
  return Buffer.concat([Buffer.from(head), payloadOf(message, max), Buffer.from('\n')])
}
