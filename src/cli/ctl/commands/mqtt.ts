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
  readonly client_properties?: unknown
}

const COLUMNS = [
  'auth_mechanism',
  'channel_max',
  'channels',
  'client_id',
  'client_properties',
  'conn_name',
  'connected_at',
  'connection_state',
  'frame_max',
  'host',
  'keepalive',
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
  client_id: ({ user_provided_name: clientId = '' }) => clientId,
  client_properties: (connection) => amqpTable(connection.client_properties),
  conn_name: ({ name }) => name,
  connection_state: ({ state }) => atom(state),
  keepalive: ({ timeout = 0 }) => timeout,
}

const listMqttConnections: CtlCommand = {
  section: 'Monitoring, observability and health checks',
  tools: ['ctl', 'diagnostics'],
  name: 'list_mqtt_connections',
  summary: 'Lists connections of MQTT clients',
  arguments: [columnArgument(COLUMNS)],
  columns: COLUMNS,
  examples: ['list_mqtt_connections', 'list_mqtt_connections client_id protocol user vhost keepalive'],
  async run({ api, args, say }) {
    say('Listing MQTT connections ...')
    const columns = pickColumns(args, ['client_id', 'conn_name'])
    const connections = await api.get<Connection[]>('/connections')
    const shown = connections.filter(({ protocol = '' }) => /^(Web )?MQTT /.test(protocol))
    return table(columns, toRows(shown, columns, VALUES))
  },
}

export const MQTT_COMMANDS = [listMqttConnections]
