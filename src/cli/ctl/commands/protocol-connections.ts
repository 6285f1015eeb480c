import type { HttpApi } from '../../api/http.ts'
import type { CtlCommand } from '../command.ts'
import { toRows, type ColumnValues } from '../columns.ts'
import { amqpTable, atom } from '../format/cell.ts'
import { handle } from '../handle.ts'
import { table } from '../output.ts'
import { pickColumns } from '../selection.ts'
import { columnArgument } from './topology.ts'

interface Connection {
  readonly name: string
  readonly node?: string
  readonly protocol?: string
  readonly state?: string
  readonly timeout?: number
  readonly user_provided_name?: string
  readonly user?: string
  readonly peer_host?: string
  /** Of STOMP clients, `session` is what CONNECTED has told them. */
  readonly client_properties?: { readonly session?: string; readonly implicit_connect?: boolean }
}

interface Channel {
  readonly name: string
  readonly connection_details?: { readonly name?: string }
}

const COLUMNS = [
  'auth_mechanism',
  'channel_max',
  'channels',
  'client_properties',
  'conn_name',
  'connection',
  'connected_at',
  'connection_state',
  'frame_max',
  'host',
  'node',
  'peer_host',
  'peer_port',
  'port',
  'protocol',
  'recv_oct',
  'send_oct',
  'ssl',
  'ssl_cipher',
  'ssl_hash',
  'ssl_key_exchange',
  'ssl_protocol',
  'user',
  'vhost',
]

/** @param channels names of them, by those of their connections */
const valuesOf = (channels: ReadonlyMap<string, string>): ColumnValues<Connection> => ({
  auth_login: ({ user = '' }) => user,
  channel: ({ node = '', name }) => {
    const channel = channels.get(name)
    return channel === undefined ? null : handle(node, 'channel', channel)
  },
  client_id: ({ user_provided_name: clientId = '' }) => clientId,
  client_properties: (connection) => amqpTable(connection.client_properties),
  conn_name: ({ name }) => name,
  connection: ({ node = '', name }) => handle(node, 'connection', name),
  connection_state: ({ state }) => atom(state),
  implicit_connect: ({ client_properties: properties }) => properties?.implicit_connect ?? null,
  keepalive: ({ timeout = 0 }) => timeout,
  peer_addr: ({ peer_host: address = '' }) => address,
  session_id: ({ client_properties: properties }) => properties?.session ?? '',
  version: ({ protocol = '' }) => protocol.split(' ').at(-1)!,
})

async function channelNames(api: HttpApi): Promise<ReadonlyMap<string, string>> {
  const channels = await api.get<Channel[]>('/channels')
  return new Map(channels.map(({ name, connection_details: connection }) => [connection?.name ?? '', name]))
}

interface Listing {
  readonly name: string
  /** As in what connections show as their protocol. */
  readonly protocol: string
  /** Besides those that all have. */
  readonly columns: readonly string[]
  readonly defaults: readonly string[]
  readonly examples: readonly string[]
}

function listConnectionsOf({ name, protocol, columns: own, defaults, examples }: Listing): CtlCommand {
  const all = [...COLUMNS, ...own].toSorted()
  return {
    section: 'Monitoring, observability and health checks',
    tools: ['ctl', 'diagnostics'],
    name,
    summary: `Lists connections of ${protocol} clients`,
    arguments: [columnArgument(all)],
    options: [{ flags: '-V, --verbose', help: 'all columns' }],
    columns: all,
    examples,
    async run({ api, args, flag, say }) {
      say(`Listing ${protocol} connections ...`)
      const columns = flag('verbose') ? all : pickColumns(args, defaults)
      const connections = await api.get<Connection[]>('/connections')
      const isShown = new RegExp(`^(Web )?${protocol} `)
      const shown = connections.filter((connection) => isShown.test(connection.protocol ?? ''))
      const channels = columns.includes('channel') ? await channelNames(api) : new Map<string, string>()
      return table(columns, toRows(shown, columns, valuesOf(channels)))
    },
  }
}

const listMqttConnections = listConnectionsOf({
  name: 'list_mqtt_connections',
  protocol: 'MQTT',
  columns: ['client_id', 'keepalive'],
  defaults: ['client_id', 'conn_name'],
  examples: ['list_mqtt_connections', 'list_mqtt_connections client_id protocol user vhost keepalive'],
})

const listStompConnections = listConnectionsOf({
  name: 'list_stomp_connections',
  protocol: 'STOMP',
  columns: ['auth_login', 'channel', 'implicit_connect', 'peer_addr', 'session_id', 'version'],
  defaults: ['session_id', 'conn_name'],
  examples: ['list_stomp_connections', 'list_stomp_connections session_id version auth_login vhost'],
})

export const PROTOCOL_CONNECTION_COMMANDS = [listMqttConnections, listStompConnections]
