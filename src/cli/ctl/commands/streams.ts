import { route } from '../../api/route.ts'
import type { Argument, CommandOption } from '../../command-spec.ts'
import type { CtlCommand, Section, Tool } from '../command.ts'
import { failure } from '../failures.ts'

const QUEUE: Argument = { name: 'queue', help: 'name of the queue', completion: 'queue' }
const NODE: Argument = { name: 'node', help: 'name of a node' }

interface StreamCommand {
  readonly name: string
  readonly section: Section
  readonly tools: readonly Tool[]
  readonly arguments: readonly Argument[]
  readonly options?: readonly CommandOption[]
  readonly banner: (args: readonly string[], node: string) => string
  /** What cannot be done with a queue that is no stream, as RabbitMQ says it. */
  readonly refusal: (type: string) => string
}

/** Each looks for the queue first, as a script for streams and other queues goes by what is said of it. */
const streamCommand = ({ banner, refusal, ...spec }: StreamCommand): CtlCommand => ({
  ...spec,
  summary: 'Not here: there are no streams in this node',
  takesVhost: true,
  isRefused: true,
  async run({ api, args, sayNode, vhost }) {
    await sayNode((node) => banner(args, node))
    const queue = await api.find<{ type: string }>(`${route`/queues/${vhost}/${args[0]!}`}?columns=type`)
    if (queue === null) throw failure('not_found')
    if (queue.type === 'stream') throw failure(`${spec.name} is not possible: the node does not offer it over HTTP`)
    throw failure(refusal(queue.type))
  },
})

/** Those of `rabbitmq-streams`: a node without streams has nothing for them but an answer. */
export const STREAM_COMMANDS: readonly CtlCommand[] = [
  streamCommand({
    name: 'stream_status',
    section: 'Monitoring, observability and health checks',
    tools: ['streams', 'queues', 'diagnostics'],
    arguments: [QUEUE],
    options: [{ flags: '--tracking', help: 'taken, without effect' }],
    banner: ([name], node) => `Status of stream ${name!} on node ${node} ...`,
    refusal: (type) => `Cannot get stream status of a ${type} queue`,
  }),
  streamCommand({
    name: 'add_replica',
    section: 'Replication',
    tools: ['streams'],
    arguments: [QUEUE, NODE],
    banner: ([name, member]) => `Adding a replica for queue ${name!} on node ${member!}...`,
    refusal: (type) => `Cannot add replicas to a ${type} queue`,
  }),
  streamCommand({
    name: 'delete_replica',
    section: 'Replication',
    tools: ['streams'],
    arguments: [QUEUE, NODE],
    banner: ([name, member]) => `Removing a replica of queue ${name!} on node ${member!}...`,
    refusal: (type) => `Cannot delete replicas from a ${type} queue`,
  }),
  streamCommand({
    name: 'set_stream_retention_policy',
    section: 'Policies',
    tools: ['streams'],
    arguments: [QUEUE, { name: 'policy', help: 'how long messages are kept' }],
    banner: ([name, policy]) => `Setting retention policy of stream queue ${name!} to ${policy!} ...`,
    refusal: (type) => `Cannot set the retention policy of a ${type} queue`,
  }),
]
