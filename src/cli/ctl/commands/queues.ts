import { HttpApi, TimeoutError, type ApiError } from '../../api/http.ts'
import type { CliError } from '../../errors.ts'
import { route } from '../../api/route.ts'
import { EXIT } from '../../exit-codes.ts'
import type { Argument } from '../../command-spec.ts'
import type { CtlCommand } from '../command.ts'
import { toRows, type ColumnValues } from '../columns.ts'
import { failure, noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { amqpTable, atom, atoms, keyedTable } from '../format/cell.ts'
import { handle } from '../handle.ts'
import { table, text } from '../output.ts'
import { parseNatural } from '../../parse.ts'
import { pickColumns } from '../selection.ts'
import { changeQueue } from './change-queue.ts'
import { columnArgument } from './topology.ts'

interface Queue {
  readonly name: string
  readonly vhost: string
  readonly node?: string
  readonly type?: string
  readonly state?: string
  readonly arguments: unknown
  readonly leader?: string
  readonly members?: readonly string[]
  readonly online?: readonly string[]
  readonly slave_nodes?: readonly string[]
  readonly synchronised_slave_nodes?: readonly string[]
  readonly owner_pid_details?: { readonly name?: string }
  readonly effective_policy_definition?: unknown
  readonly message_stats?: { readonly disk_reads?: number; readonly disk_writes?: number }
  readonly messages_ready?: number
}

const COLUMNS = [
  'arguments',
  'auto_delete',
  'consumer_capacity',
  'consumer_utilisation',
  'consumers',
  'disk_reads',
  'disk_writes',
  'durable',
  'effective_policy_definition',
  'exclusive',
  'exclusive_consumer_pid',
  'exclusive_consumer_tag',
  'head_message_timestamp',
  'leader',
  'members',
  'memory',
  'message_bytes',
  'message_bytes_persistent',
  'message_bytes_ram',
  'message_bytes_ready',
  'message_bytes_unacknowledged',
  'messages',
  'messages_delayed',
  'messages_persistent',
  'messages_ram',
  'messages_ready',
  'messages_ready_ram',
  'messages_unacknowledged',
  'messages_unacknowledged_ram',
  'name',
  'node',
  'online',
  'operator_policy',
  'owner_pid',
  'paused',
  'pid',
  'policy',
  'single_active_consumer_pid',
  'single_active_consumer_tag',
  'slave_pids',
  'state',
  'synchronised_slave_pids',
  'type',
]

const VALUES: ColumnValues<Queue> = {
  arguments: (queue) => amqpTable(queue.arguments),
  disk_reads: (queue) => queue.message_stats?.disk_reads ?? 0,
  disk_writes: (queue) => queue.message_stats?.disk_writes ?? 0,
  effective_policy_definition: (queue) => keyedTable(queue.effective_policy_definition),
  // Which consumer it is stands in the column of its tag.
  exclusive_consumer_pid: () => null,
  single_active_consumer_pid: () => null,
  leader: ({ leader }) => atom(leader),
  members: ({ members }) => atoms(members),
  online: ({ online }) => atoms(online),
  owner_pid: ({ node = '', owner_pid_details: owner }) =>
    owner?.name === undefined ? null : handle(node, 'connection', owner.name),
  pid: ({ node = '', vhost, name }) => handle(node, 'queue', vhost, name),
  slave_pids: ({ slave_nodes: nodes }) => ((nodes ?? []).length === 0 ? null : atoms(nodes)),
  synchronised_slave_pids: ({ synchronised_slave_nodes: nodes }) => ((nodes ?? []).length === 0 ? null : atoms(nodes)),
  state: ({ state }) => atom(state),
  type: ({ type }) => atom(type),
}

const QUEUE: Argument = { name: 'queue', help: 'name of the queue', completion: 'queue' }

/** What the API calls otherwise than rabbitmqctl does. */
const API_NAMES: Readonly<Record<string, string>> = {
  disk_reads: 'message_stats.disk_reads',
  disk_writes: 'message_stats.disk_writes',
  owner_pid: 'owner_pid_details',
  slave_pids: 'slave_nodes',
  synchronised_slave_pids: 'synchronised_slave_nodes',
}

async function fetchQueues(api: HttpApi, vhost: string, columns: readonly string[]): Promise<Queue[]> {
  const wanted = new Set(['name', 'vhost', 'node', 'state', ...columns.map((name) => API_NAMES[name] ?? name)])
  const path = `${route`/queues/${vhost}`}?columns=${[...wanted].join(',')}`
  return refusedAs(api.get<Queue[]>(path), whenMissing(noSuchVhost(vhost)))
}

const listQueues: CtlCommand = {
  name: 'list_queues',
  section: 'Monitoring, observability and health checks',
  tools: ['ctl', 'diagnostics'],
  summary: 'Lists queues',
  takesVhost: true,
  arguments: [columnArgument(COLUMNS)],
  columns: COLUMNS,
  timeoutSec: 60,
  options: [
    { flags: '--online', help: 'only those that can be reached' },
    { flags: '--offline', help: 'only those that cannot' },
    { flags: '--local', help: 'only those of this node, which is all of them' },
  ],
  examples: [
    'list_queues',
    'list_queues -p orders name messages consumers state',
    'list_queues -s name messages_ready | sort -k2 -n',
    'list_queues --formatter json name arguments policy',
  ],
  async run({ api, args, flag, say, timeoutSec, vhost }) {
    if (timeoutSec !== null) say(`Timeout: ${timeoutSec.toFixed(1)} seconds ...`)
    say(`Listing queues for vhost ${vhost} ...`)
    const columns = pickColumns(args, ['name', 'messages'])
    const queues = await fetchQueues(api, vhost, columns)
    const isDown = ({ state }: Queue): boolean => state === 'down' || state === 'stopped'
    const shown = queues.filter((queue) => (!flag('online') || !isDown(queue)) && (!flag('offline') || isDown(queue)))
    return table(columns, toRows(shown, columns, VALUES))
  },
}

const UNRESPONSIVE_COLUMNS = ['arguments', 'auto_delete', 'durable', 'name', 'pid', 'recoverable_slaves']

const listUnresponsiveQueues: CtlCommand = {
  name: 'list_unresponsive_queues',
  section: 'Monitoring, observability and health checks',
  tools: ['ctl', 'diagnostics'],
  summary: 'Asks each queue for its state, and lists those that do not answer in time',
  takesVhost: true,
  arguments: [columnArgument(UNRESPONSIVE_COLUMNS)],
  columns: UNRESPONSIVE_COLUMNS,
  options: [
    { flags: '--local', help: 'only queues of this node, which is all of them' },
    { flags: '--queue-timeout <milliseconds>', help: 'how long to wait for each (5000)', parse: parseNatural },
  ],
  async run({ api, args, number, say, target, vhost }) {
    say(`Listing unresponsive queues for vhost ${vhost} ...`)
    const columns = pickColumns(args, ['name'])
    const impatient = new HttpApi(target, number('queue-timeout') ?? 5000)
    const unresponsive: Queue[] = []
    try {
      for (const queue of await fetchQueues(api, vhost, columns)) {
        if (!(await answers(impatient, queue))) unresponsive.push(queue)
      }
    } finally {
      impatient.close()
    }
    return table(columns, toRows(unresponsive, columns, VALUES))
  },
}

async function answers(api: HttpApi, { vhost, name }: Queue): Promise<boolean> {
  try {
    await api.find(`${route`/queues/${vhost}/${name}`}?columns=messages`)
    return true
  } catch (error) {
    if (error instanceof TimeoutError) return false
    throw error
  }
}

const deleteQueue: CtlCommand = {
  name: 'delete_queue',
  section: 'Queues',
  tools: ['ctl'],
  summary: 'Deletes a queue',
  takesVhost: true,
  arguments: [QUEUE],
  options: [
    { flags: '-e, --if-empty', help: 'only if it has no messages' },
    { flags: '-u, --if-unused', help: 'only if it has no consumers' },
  ],
  async run({ api, args, flag, say, vhost }) {
    const name = args[0]!
    const conditions = [
      ...(flag('if-empty') ? ['if queue is empty '] : []),
      ...(flag('if-unused') ? ['if queue is unused '] : []),
    ]
    say(`Deleting queue '${name}' on vhost '${vhost}' ${conditions.join('and ')}...`)
    const queue = await api.find<Queue>(`${route`/queues/${vhost}/${name}`}?columns=messages_ready`)
    if (queue === null) throw failure('Queue not found', EXIT.usage)
    const query = new URLSearchParams()
    if (flag('if-empty')) query.set('if-empty', 'true')
    if (flag('if-unused')) query.set('if-unused', 'true')
    await refusedAs(api.delete(`${route`/queues/${vhost}/${name}`}?${query.toString()}`), ({ status, reason }) => {
      if (status === 404) return failure('Queue not found', EXIT.usage)
      if (/not empty/.test(reason)) return failure('Queue is not empty', EXIT.usage)
      if (/in use/.test(reason)) return failure('Queue is in use', EXIT.usage)
      return undefined
    })
    return text(`Queue was successfully deleted with ${queue.messages_ready ?? 0} ready messages`)
  },
}

const purgeQueue: CtlCommand = {
  name: 'purge_queue',
  section: 'Queues',
  tools: ['ctl'],
  summary: 'Throws away all messages of a queue that are ready',
  takesVhost: true,
  arguments: [QUEUE],
  async run({ api, args, say, vhost }) {
    const name = args[0]!
    say(`Purging queue '${name}' in vhost '${vhost}' ...`)
    await refusedAs(api.delete(route`/queues/${vhost}/${name}/contents`), whenMissing(failure('not_found')))
  },
}

/** `warren ctl pause_queue` has no counterpart in RabbitMQ. */
const pausing = (name: string, pause: boolean): CtlCommand => ({
  name,
  section: 'Queues',
  tools: ['ctl'],
  summary: pause
    ? 'Delivers nothing from a queue any more, while publishing to it goes on'
    : 'Delivers from a queue again',
  takesVhost: true,
  arguments: [QUEUE],
  async run({ api, args, say, vhost }) {
    const queue = args[0]!
    say(`${pause ? 'Pausing' : 'Resuming'} queue '${queue}' in vhost '${vhost}' ...`)
    const path = route`/queues/${vhost}/${queue}/pause`
    await refusedAs(pause ? api.put(path, {}) : api.delete(path), onlyHere)
  },
})

/** RabbitMQ does not know the path, and does not say which of the two is missing. */
const onlyHere = ({ status }: ApiError): CliError | undefined =>
  status === 404 || status === 405 ? failure('There is no such queue, or the node is no WarrenMQ') : undefined

export const QUEUE_COMMANDS = [
  changeQueue,
  deleteQueue,
  listQueues,
  listUnresponsiveQueues,
  pausing('pause_queue', true),
  purgeQueue,
  pausing('resume_queue', false),
]
