import { setTimeout as delay } from 'node:timers/promises'
import { ApiError, type HttpApi } from '../../api/http.ts'
import { route } from '../../api/route.ts'
import type { Argument } from '../../command-spec.ts'
import type { CtlCommand } from '../command.ts'
import { toRows, type ColumnValues } from '../columns.ts'
import { failure, noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { amqpTable, atom } from '../format/cell.ts'
import { handle, isHandle } from '../handle.ts'
import { table, text } from '../output.ts'
import { parseNatural } from '../../parse.ts'
import { pickColumns } from '../selection.ts'
import { columnArgument } from './topology.ts'

interface Connection {
  readonly name: string
  readonly node?: string
  readonly type?: string
  readonly user: string
  readonly vhost: string
  readonly state?: string
  readonly protocol?: string
  readonly client_properties?: unknown
}

interface Channel {
  readonly name: string
  readonly node?: string
  readonly connection_details?: { readonly name?: string }
  readonly global_prefetch_count?: number
}

const monitoring = { section: 'Monitoring, observability and health checks', tools: ['ctl', 'diagnostics'] } as const

const CONNECTION_COLUMNS = [
  'auth_mechanism',
  'channel_max',
  'channels',
  'client_properties',
  'connected_at',
  'frame_max',
  'host',
  'name',
  'node',
  'peer_cert_issuer',
  'peer_cert_subject',
  'peer_cert_validity',
  'peer_host',
  'peer_port',
  'pid',
  'port',
  'protocol',
  'recv_cnt',
  'recv_oct',
  'send_cnt',
  'send_oct',
  'send_pend',
  'ssl',
  'ssl_cipher',
  'ssl_hash',
  'ssl_key_exchange',
  'ssl_protocol',
  'state',
  'timeout',
  'user',
  'user_provided_name',
  'vhost',
]

const CONNECTION_VALUES: ColumnValues<Connection> = {
  client_properties: (connection) => amqpTable(connection.client_properties),
  pid: ({ node = '', name }) => handle(node, 'connection', name),
  // `AMQP 0-9-1` is what Erlang has as a tuple.
  protocol: ({ protocol = '' }) =>
    /^AMQP (\d+(?:-\d+)*)$/.exec(protocol)?.[1]?.replaceAll('-', ',').replace(/.*/, '{$&}') ?? protocol,
  state: ({ state }) => atom(state),
}

const listConnections: CtlCommand = {
  ...monitoring,
  name: 'list_connections',
  summary: 'Lists connections of clients',
  arguments: [columnArgument(CONNECTION_COLUMNS)],
  columns: CONNECTION_COLUMNS,
  examples: [
    'list_connections',
    'list_connections pid name user state',
    'list_connections --formatter json name client_properties',
  ],
  async run({ api, args, say }) {
    say('Listing connections ...')
    const columns = pickColumns(args, ['user', 'peer_host', 'peer_port', 'state'])
    const connections = await api.get<Connection[]>('/connections')
    // RabbitMQ's plugins have connections without a network, which rabbitmqctl does not show.
    const shown = connections.filter(({ type }) => type !== 'direct')
    return table(columns, toRows(shown, columns, CONNECTION_VALUES))
  },
}

const CHANNEL_COLUMNS = [
  'acks_uncommitted',
  'confirm',
  'connection',
  'consumer_count',
  'global_prefetch_count',
  'messages_unacknowledged',
  'messages_uncommitted',
  'messages_unconfirmed',
  'name',
  'node',
  'number',
  'pid',
  'prefetch_count',
  'transactional',
  'user',
  'vhost',
]

const CHANNEL_VALUES: ColumnValues<Channel> = {
  connection: ({ node = '', connection_details: connection }) =>
    connection?.name === undefined ? null : handle(node, 'connection', connection.name),
  pid: ({ node = '', name }) => handle(node, 'channel', name),
  global_prefetch_count: (channel) => channel.global_prefetch_count ?? 0,
}

const listChannels: CtlCommand = {
  ...monitoring,
  name: 'list_channels',
  summary: 'Lists channels',
  arguments: [columnArgument(CHANNEL_COLUMNS)],
  columns: CHANNEL_COLUMNS,
  async run({ api, args, say }) {
    say('Listing channels ...')
    const columns = pickColumns(args, ['pid', 'user', 'consumer_count', 'messages_unacknowledged'])
    return table(columns, toRows(await api.get<Channel[]>('/channels'), columns, CHANNEL_VALUES))
  },
}

const EXPLANATION: Argument = { name: 'explanation', help: 'why; the client is told, and it is logged' }
const closing = { section: 'Operations', tools: ['ctl'] } as const

/** The client may have gone in between: that is what was wanted. */
async function close(api: HttpApi, name: string, reason: string): Promise<void> {
  try {
    await api.delete(route`/connections/${name}`, { 'x-reason': headerText(reason) })
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error
  }
}

/** A header cannot hold all characters. */
const headerText = (reason: string): string => reason.replaceAll(/[^\u0020-\u007e\u00a0-\u00ff]/g, '?')

const closeConnection: CtlCommand = {
  ...closing,
  name: 'close_connection',
  summary: 'Closes the connection of a client',
  arguments: [
    { name: 'connection', help: 'its pid or its name: see list_connections', completion: 'connection' },
    EXPLANATION,
  ],
  examples: [
    `close_connection '127.0.0.1:50412 -> 127.0.0.1:5672' 'maintenance'`,
    `list_connections -s pid user | awk '$2 == "bob" { print $1 }' | xargs -I PID warren ctl close_connection PID 'bye'`,
  ],
  async run({ api, args, say }) {
    const [id, reason] = args as [string, string]
    say(`Closing connection ${id}, reason: ${reason}...`)
    const connections = await api.get<Connection[]>('/connections?columns=name,node')
    const found = connections.find(({ name, node = '' }) => name === id || handle(node, 'connection', name) === id)
    if (found !== undefined) await close(api, found.name, reason)
    else if (!isHandle(id)) throw failure(`There is no connection ${id}: see list_connections pid name`)
    // one that was listed a moment ago, and has closed itself meanwhile, is closed
  },
}

const closeAllConnections: CtlCommand = {
  ...closing,
  name: 'close_all_connections',
  summary: 'Closes the connections of all clients in a virtual host, or in all of them',
  takesVhost: true,
  arguments: [EXPLANATION],
  options: [
    { flags: '--limit <number>', help: 'close at most so many; 0 is no limit', parse: parseNatural },
    { flags: '--global', help: 'in all virtual hosts' },
    { flags: '--per-connection-delay <milliseconds>', help: 'wait so long after each', parse: parseNatural },
  ],
  async run({ api, args, flag, number, sayNode, say, vhost }) {
    const reason = args[0]!
    if (flag('global'))
      await sayNode((node) => `Closing all connections to node ${node} (across all vhosts), reason: ${reason}...`)
    else say(`Closing all connections in vhost ${vhost}, reason: ${reason}...`)
    const path = flag('global') ? '/connections?columns=name' : `${route`/vhosts/${vhost}/connections`}?columns=name`
    const connections = await refusedAs(api.get<Connection[]>(path), whenMissing(noSuchVhost(vhost)))
    const limit = number('limit') ?? 0
    const chosen = limit > 0 ? connections.slice(0, limit) : connections
    const pauseMs = number('per-connection-delay') ?? 0
    for (const { name } of chosen) {
      await close(api, name, reason)
      if (pauseMs > 0) await delay(pauseMs)
    }
    return text(`Closed ${chosen.length} connections`)
  },
}

const closeAllUserConnections: CtlCommand = {
  ...closing,
  name: 'close_all_user_connections',
  summary: 'Closes all connections of a user',
  arguments: [{ name: 'username', help: 'name of the user', completion: 'user' }, EXPLANATION],
  async run({ api, args, say }) {
    const [user, reason] = args as [string, string]
    say(`Closing connections of user ${user}, reason: ${reason}...`)
    const connections = await api.get<Connection[]>('/connections?columns=name,user')
    for (const connection of connections) if (connection.user === user) await close(api, connection.name, reason)
  },
}

export const CONNECTION_COMMANDS = [
  closeAllConnections,
  closeAllUserConnections,
  closeConnection,
  listChannels,
  listConnections,
]
