import type { CtlCommand } from '../command.ts'
import { toRows, type ColumnValues } from '../columns.ts'
import { amqpTable, atom } from '../format/cell.ts'
import { table } from '../output.ts'
import { pickColumns } from '../selection.ts'
import { columnArgument } from './topology.ts'

interface Connection {
  readonly name: string
  readonly protocol?: string
  readonly state?: string
  readonly timeout?: number
  readonly user_provided_name?: string
  readonly user?: string
  readonly peer_host?: string
  /** Of STOMP clients, `session` is what CONNECTED has told them. */
  readonly client_properties?: { readonly session?: string }
}

const COLUMNS = [
  'auth_mechanism',
  'channel_max',
  'channels',
  'client_properties',
  'conn_name',
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

const VALUES: ColumnValues<Connection> = {
  auth_login: ({ user = '' }) => user,
  client_id: ({ user_provided_name: clientId = '' }) => clientId,
  client_properties: (connection) => amqpTable(connection.client_properties),
  conn_name: ({ name }) => name,
  connection_state: ({ state }) => atom(state),
  keepalive: ({ timeout = 0 }) => timeout,
  peer_addr: ({ peer_host: address = '' }) => address,
  session_id: ({ client_properties: properties }) => properties?.session ?? '',
  version: ({ protocol = '' }) => protocol.split(' ').at(-1)!,
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
    columns: all,
    examples,
    async run({ api, args, say }) {
      say(`Listing ${protocol} connections ...`)
      const columns = pickColumns(args, defaults)
      const connections = await api.get<Connection[]>('/connections')
      const isShown = new RegExp(`^(Web )?${protocol} `)
      const shown = connections.filter((connection) => isShown.test(connection.protocol ?? ''))
      return table(columns, toRows(shown, columns, VALUES))
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
  columns: ['auth_login', 'peer_addr', 'session_id', 'version'],
  defaults: ['session_id', 'conn_name'],
  examples: ['list_stomp_connections', 'list_stomp_connections session_id version auth_login vhost'],
})

export const PROTOCOL_CONNECTION_COMMANDS = [listMqttConnections, listStompConnections]
