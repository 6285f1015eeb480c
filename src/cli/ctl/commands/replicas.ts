import { ApiError } from '../../api/http.ts'
import { route } from '../../api/route.ts'
import type { CliError } from '../../errors.ts'
import { UsageError } from '../../errors.ts'
import type { Argument } from '../../command-spec.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure, refusedAs } from '../failures.ts'
import { Atom } from '../format/cell.ts'
import { text, type Output } from '../output.ts'
import type { QueueMessage } from '../../api/messages.ts'

const monitoring = { section: 'Monitoring, observability and health checks', tools: ['queues', 'diagnostics'] } as const
const QUEUE: Argument = { name: 'queue', help: 'name of the queue', completion: 'queue' }

const notFound = (vhost: string): string => `Target queue was not found in virtual host '${vhost}'`

interface Queue {
  readonly type: string
}

async function requireQuorum(
  { api, vhost }: Context,
  name: string,
  refusal: string,
  missing = 'not_found',
): Promise<void> {
  const queue = await api.find<Queue>(`${route`/queues/${vhost}/${name}`}?columns=type`)
  if (queue === null) throw failure(missing)
  if (queue.type === 'classic') throw failure(refusal)
}

const quorumStatus: CtlCommand = {
  ...monitoring,
  name: 'quorum_status',
  summary: 'Shows the replicas of a quorum queue',
  takesVhost: true,
  arguments: [QUEUE],
  async run(context): Promise<Output> {
    const { api, args, sayNode, vhost } = context
    const name = args[0]!
    await sayNode((node) => `Status of quorum queue ${name} on node ${node} ...`)
    await requireQuorum(context, name, 'Cannot get quorum status of a classic queue')
    const answer = await refusedAs(
      api.get<Record<string, string | number>[]>(route`/queues/quorum/${vhost}/${name}/status`),
      noStatus,
    )
    const columns = [
      'Node Name',
      'Raft State',
      'Log Index',
      'Commit Index',
      'Snapshot Index',
      'Term',
      'Machine Version',
    ]
    return { kind: 'table', shape: 'pretty_table', columns, rows: answer }
  },
}

/** RabbitMQ 3.10 has this for its own tools alone. */
const noStatus = ({ status }: ApiError): CliError | undefined =>
  status === 404 ? failure('The node does not tell the state of replicas over HTTP') : undefined

const critical = (name: string, banner: (node: string) => string, path: string): CtlCommand => ({
  ...monitoring,
  name,
  summary: 'Checks that no queue would suffer if this node went: alone, it has none to lose a majority of',
  async run({ api, sayNode }) {
    await sayNode(banner)
    const nodes = await api.get<unknown[]>('/nodes?columns=name')
    if (nodes.length === 1) {
      const node = await api.nodeName()
      const alone = 'seems to be the only one in a single node cluster, the check does not apply'
      return text(`Node ${node} ${alone}`, { message: `Target node ${alone}`, result: 'ok' })
    }
    try {
      await api.get(`/health/checks/${path}`)
    } catch (error) {
      if (error instanceof ApiError && error.status === 503) throw failure(error.reason)
      throw error
    }
    return text('No queues depend on this node alone', { result: 'ok' })
  },
})

const rebalance: CtlCommand = {
  name: 'rebalance',
  section: 'Cluster',
  tools: ['queues'],
  summary: 'Spreads the leaders of replicated queues over the nodes',
  arguments: [{ name: 'type', help: 'all, classic or quorum', completion: ['all', 'classic', 'quorum'] }],
  options: [
    { flags: '--vhost-pattern <pattern>', help: 'taken for the sake of scripts' },
    { flags: '--queue-pattern <pattern>', help: 'taken for the sake of scripts' },
  ],
  async run({ api, args, say }): Promise<Output> {
    const type = args[0]!
    if (!['all', 'classic', 'quorum'].includes(type)) {
      throw failure(`type ${type} is not supported. Try one of all, classic, quorum.`)
    }
    say(type === 'all' ? 'Re-balancing leaders of all queues...' : `Re-balancing leaders of ${type} queues...`)
    await refusedAs(api.post('/rebalance/queues', {}))
    const queues = await api.get<{ node: string; type: string }[]>('/queues?columns=node,type')
    const nodes = await api.get<{ name: string }[]>('/nodes?columns=name')
    const columns = ['Node name', 'Number of quorum queues', 'Number of replicated classic queues']
    const rows = nodes.map(({ name }) => ({
      'Node name': name,
      'Number of quorum queues': queues.filter((queue) => queue.type === 'quorum' && queue.node === name).length,
      'Number of replicated classic queues': 0,
    }))
    return { kind: 'table', shape: 'pretty_table', columns, rows }
  },
}

const peek: CtlCommand = {
  ...monitoring,
  name: 'peek',
  tools: ['queues'],
  summary: 'Shows the message at a place in a queue, without taking or marking it',
  takesVhost: true,
  arguments: [QUEUE, { name: 'position', help: 'its place; 1 is the next one' }],
  async run(context): Promise<Output> {
    const { args, sayNode, vhost } = context
    const [name, position] = args as [string, string]
    const place = Number(position)
    if (!Number.isInteger(place) || place < 1) throw new UsageError('"position value must be a positive integer"')
    await sayNode((node) => `Peeking at queue ${name} at position ${place} on node ${node} ...`)
    const queue = await context.api.find<Queue>(`${route`/queues/${vhost}/${name}`}?columns=type`)
    if (queue === null) throw failure(notFound(vhost))
    const message = await messageAt(context, vhost, name, place)
    const headers = message.properties['headers'] ?? {}
    const entries: [string, unknown][] = [
      ...Object.entries(message.properties).filter(([key]) => key !== 'headers'),
      ['routing_keys', message.routing_key],
      ['exchange', message.exchange],
      ['payload (max 64 bytes)', message.payload],
      ...Object.entries(headers).map(([key, value]): [string, unknown] => [`header.${key}`, value]),
    ]
    const rows = entries.map(([keys, value]) => ({
      keys: new Atom(keys),
      values: typeof value === 'string' ? value : JSON.stringify(value),
    }))
    return { kind: 'table', shape: 'pretty_table', columns: ['keys', 'values'], rows, json: message }
  },
}

async function messageAt({ api }: Context, vhost: string, queue: string, place: number): Promise<QueueMessage> {
  let after: string | null = ''
  for (let seen = 0; after !== null;) {
    const query = new URLSearchParams({
      state: 'ready',
      limit: String(Math.min(500, place - seen)),
      truncate: '64',
      ...(after !== '' && { after }),
    })
    const page: { items: QueueMessage[]; next: string | null } = await refusedAs(
      api.get(`${route`/queues/${vhost}/${queue}/messages`}?${query.toString()}`),
      ({ status }) =>
        status === 404 || status === 405
          ? failure('The node does not show messages where they lie: it is no WarrenMQ')
          : undefined,
    )
    seen += page.items.length
    if (seen >= place) return page.items.at(-1)!
    after = page.next
  }
  throw failure('Target queue does not have a message at that position')
}

const reclaim: CtlCommand = {
  name: 'reclaim_quorum_memory',
  section: 'Operations',
  tools: ['queues', 'diagnostics'],
  summary: 'Does nothing: memory is given back by itself',
  takesVhost: true,
  arguments: [QUEUE],
  async run(context) {
    const name = context.args[0]!
    context.say(`Will flush Raft WAL of quorum queue ${name} ...`)
    await requireQuorum(context, name, 'This operation is not applicable to classic queues', notFound(context.vhost))
  },
}

export const REPLICA_COMMANDS = [
  critical(
    'check_if_node_is_mirror_sync_critical',
    (node) => `Checking if node ${node} is critical for data safety of any classic mirrored queues ...`,
    'node-is-mirror-sync-critical',
  ),
  critical(
    'check_if_node_is_quorum_critical',
    (node) => `Checking if node ${node} is critical for quorum of any quorum queues ...`,
    'node-is-quorum-critical',
  ),
  peek,
  quorumStatus,
  rebalance,
  reclaim,
]
