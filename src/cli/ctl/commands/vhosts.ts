import { route } from '../../api/route.ts'
import { changeVhost, queueTypeOf, splitTags, vhostTags, type Vhost } from '../../api/vhosts.ts'
import { EXIT } from '../../exit-codes.ts'
import type { Argument } from '../../command-spec.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure, noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { atoms, NodeStates, type Cell } from '../format/cell.ts'
import { table, text, type Row } from '../output.ts'
import { pickColumns } from '../selection.ts'

const VHOST: Argument = { name: 'vhost', help: 'name of the virtual host', completion: 'vhost' }
const QUEUE_TYPE = {
  flags: '--default-queue-type <type>',
  help: 'type of queues that are declared without one: classic, quorum or stream',
  completion: ['classic', 'quorum', 'stream'],
} as const
const DESCRIPTION = { flags: '--description <description>', help: 'what it is for' }
const TAGS = { flags: '--tags <tags>', help: 'tags, separated by commas' }
const common = { section: 'Virtual hosts', tools: ['ctl'] } as const

async function findVhost({ api }: Context, name: string): Promise<Vhost> {
  const vhost = await api.find<Vhost>(route`/vhosts/${name}`)
  if (vhost === null) throw noSuchVhost(name)
  return vhost
}

async function change({ api }: Context, name: string, changes: object): Promise<void> {
  if (!(await changeVhost(api, name, changes))) throw noSuchVhost(name)
}

function metadataChanges(context: Context): object {
  const description = context.option('description')
  const tags = context.option('tags')
  const type = context.option('default-queue-type')
  return {
    ...(description !== undefined && { description }),
    ...(tags !== undefined && { tags: splitTags(tags).join(',') }),
    ...(type !== undefined && { default_queue_type: type }),
  }
}

const addVhost: CtlCommand = {
  ...common,
  name: 'add_vhost',
  summary: 'Creates a virtual host',
  arguments: [{ name: 'vhost', help: 'name of the new virtual host' }],
  options: [DESCRIPTION, TAGS, QUEUE_TYPE],
  examples: ['add_vhost orders', 'add_vhost orders --description "Orders" --default-queue-type quorum'],
  async run(context) {
    const name = context.args[0]!
    context.say(`Adding vhost "${name}" ...`)
    await refusedAs(context.api.put(route`/vhosts/${name}`, metadataChanges(context)))
  },
}

const updateVhostMetadata: CtlCommand = {
  ...common,
  name: 'update_vhost_metadata',
  summary: 'Changes description, tags or default queue type of a virtual host',
  arguments: [VHOST],
  options: [DESCRIPTION, TAGS, QUEUE_TYPE],
  async run(context) {
    const name = context.args[0]!
    const changes = metadataChanges(context)
    context.say(`Updating metadata of vhost "${name}" ...`)
    await change(context, name, changes)
  },
}

const setVhostTags: CtlCommand = {
  ...common,
  name: 'set_vhost_tags',
  summary: 'Sets the tags of a virtual host',
  arguments: [VHOST, { name: 'tag', help: 'a tag', optional: true, variadic: true }],
  async run(context) {
    const [name, ...tags] = context.args as [string, ...string[]]
    context.say(`Setting tags for virtual host "${name}" to [${tags.join(', ')}] ...`)
    if ((await context.api.find(route`/vhosts/${name}`)) === null) {
      throw failure(`Virtual host "${name}" does not exist`, EXIT.data)
    }
    await change(context, name, { tags: tags.join(',') })
  },
}

const deleteVhost: CtlCommand = {
  ...common,
  name: 'delete_vhost',
  summary: 'Deletes a virtual host with everything in it',
  arguments: [VHOST],
  async run({ api, args, say }) {
    const name = args[0]!
    say(`Deleting vhost "${name}" ...`)
    await refusedAs(api.delete(route`/vhosts/${name}`), whenMissing(noSuchVhost(name)))
  },
}

const COLUMNS = [
  'cluster_state',
  'default_queue_type',
  'description',
  'name',
  'protected_from_deletion',
  'tags',
  'tracing',
]

const VALUES: Readonly<Record<string, (vhost: Vhost) => Cell>> = {
  cluster_state: ({ cluster_state: states }) => new NodeStates(states ?? {}),
  default_queue_type: (vhost) => queueTypeOf(vhost) ?? 'undefined',
  tags: (vhost) => atoms(vhostTags(vhost)),
}

const listVhosts: CtlCommand = {
  ...common,
  name: 'list_vhosts',
  tools: ['ctl', 'diagnostics'],
  section: 'Access Control',
  summary: 'Lists virtual hosts',
  arguments: [
    {
      name: 'column',
      help: 'what to show; the name where left out',
      optional: true,
      variadic: true,
      completion: COLUMNS,
    },
  ],
  columns: COLUMNS,
  examples: ['list_vhosts name tags description'],
  async run({ api, args, say }) {
    say('Listing vhosts ...')
    const columns = pickColumns(args, ['name'])
    const rows = await api.get<Vhost[]>('/vhosts')
    return table(
      columns,
      rows.map((vhost): Row => Object.fromEntries(columns.map((name) => [name, valueOf(vhost, name)]))),
    )
  },
}

const valueOf = (vhost: Vhost, column: string): Cell =>
  VALUES[column]?.(vhost) ?? (vhost as unknown as Readonly<Record<string, Cell>>)[column]

const restartVhost: CtlCommand = {
  ...common,
  name: 'restart_vhost',
  summary: 'Starts a virtual host that has failed',
  takesVhost: true,
  async run(context) {
    const { api, vhost } = context
    const node = await api.nodeName()
    context.say(`Trying to restart vhost '${vhost}' on node '${node}' ...`)
    const { cluster_state: states } = await findVhost(context, vhost)
    if (states?.[node] === 'running') return text(`Vhost '${vhost}' is already running on node '${node}'`)
    await refusedAs(api.post(route`/vhosts/${vhost}/start/${node}`, {}))
    return text(`Successfully restarted vhost '${vhost}' on node '${node}'`)
  },
}

const trace = (name: string, on: boolean): CtlCommand => ({
  ...common,
  name,
  summary: on
    ? 'Copies every message of a virtual host to the exchange amq.rabbitmq.trace (the firehose)'
    : 'Ends what trace_on began',
  takesVhost: true,
  async run(context) {
    const { say, vhost } = context
    say(`${on ? 'Starting' : 'Stopping'} tracing for vhost "${vhost}" ...`)
    await change(context, vhost, { tracing: on })
    return text(`Trace ${on ? 'enabled' : 'disabled'} for vhost ${vhost}`)
  },
})

const deletionProtection = (name: string, on: boolean): CtlCommand => ({
  ...common,
  name,
  summary: on ? 'Keeps a virtual host from being deleted' : 'Lets a virtual host be deleted again',
  arguments: [VHOST],
  async run({ api, args, say }) {
    const vhost = args[0]!
    say(`${on ? 'Protecting' : 'Unprotecting'} virtual host "${vhost}" ${on ? 'from' : 'for'} deletion ...`)
    const path = route`/vhosts/${vhost}/deletion/protection`
    await refusedAs<unknown>(on ? api.post(path, {}) : api.delete(path), whenMissing(noSuchVhost(vhost)))
  },
})

export const VHOST_COMMANDS = [
  addVhost,
  deleteVhost,
  listVhosts,
  restartVhost,
  setVhostTags,
  updateVhostMetadata,
  trace('trace_on', true),
  trace('trace_off', false),
  deletionProtection('enable_vhost_deletion_protection', true),
  deletionProtection('disable_vhost_deletion_protection', false),
]
