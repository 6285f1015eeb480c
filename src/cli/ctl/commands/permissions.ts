import { route } from '../../api/route.ts'
import { EXIT } from '../../exit-codes.ts'
import type { CliError } from '../../errors.ts'
import type { Argument } from '../../command-spec.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure, noSuchUser, noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { table } from '../output.ts'

interface Permission {
  readonly user: string
  readonly vhost: string
  readonly configure: string
  readonly write: string
  readonly read: string
}

interface TopicPermission {
  readonly user: string
  readonly vhost: string
  readonly exchange: string
  readonly write: string
  readonly read: string
}

const USER: Argument = { name: 'username', help: 'name of the user', completion: 'user' }
const common = { section: 'Access Control', tools: ['ctl'] } as const

/** Which of the two is not there, in rabbitmqctl's words; null when both are. */
async function whatIsMissing({ api, vhost }: Context, user: string): Promise<CliError | null> {
  if ((await api.find(route`/vhosts/${vhost}`)) === null) return failure(`Virtual host ${vhost} does not exist`)
  if ((await api.find(route`/users/${user}`)) === null) return failure(`User ${user} does not exist`, EXIT.noUser)
  return null
}

/** A regular expression that is none comes back as a term: `["invalid_regexp", ...]`. */
function refusedPattern(detail: unknown): CliError | undefined {
  if (!Array.isArray(detail) || detail[0] !== 'invalid_regexp') return undefined
  const pattern: unknown = detail[1]
  const shown = Array.isArray(pattern) ? String.fromCodePoint(...(pattern as number[])) : String(pattern)
  return failure(`'${shown}' is not a valid regular expression`)
}

async function setAccess(context: Context, path: string, user: string, body: object): Promise<void> {
  const missing = await whatIsMissing(context, user)
  if (missing !== null) throw missing
  await refusedAs(context.api.put(path, body), ({ detail }) => refusedPattern(detail))
}

/** Nothing to take away is as good as taken away, if the user and the virtual host are there. */
async function clearAccess(context: Context, path: string, user: string): Promise<void> {
  const missing = await whatIsMissing(context, user)
  if (missing !== null) throw missing
  if ((await context.api.find(path)) !== null) await context.api.delete(path)
}

const setPermissions: CtlCommand = {
  ...common,
  name: 'set_permissions',
  summary: 'Says what a user may do in a virtual host',
  takesVhost: true,
  arguments: [
    USER,
    { name: 'conf', help: 'regular expression for names of what it may declare and delete' },
    { name: 'write', help: 'regular expression for names of what it may publish to' },
    { name: 'read', help: 'regular expression for names of what it may read from' },
  ],
  examples: ["set_permissions -p / alice '.*' '.*' '.*'", "set_permissions -p orders bob '' '^orders$' ''"],
  async run(context) {
    const { args, say, vhost } = context
    const [user, configure, write, read] = args as [string, string, string, string]
    say(`Setting permissions for user "${user}" in vhost "${vhost}" ...`)
    await setAccess(context, route`/permissions/${vhost}/${user}`, user, { configure, write, read })
  },
}

const clearPermissions: CtlCommand = {
  ...common,
  name: 'clear_permissions',
  summary: 'Takes from a user what it may do in a virtual host',
  takesVhost: true,
  arguments: [USER],
  async run(context) {
    const { args, say, vhost } = context
    const user = args[0]!
    say(`Clearing permissions for user "${user}" in vhost "${vhost}" ...`)
    await clearAccess(context, route`/permissions/${vhost}/${user}`, user)
  },
}

const listPermissions: CtlCommand = {
  ...common,
  name: 'list_permissions',
  tools: ['ctl', 'diagnostics'],
  summary: 'Lists who may do what in a virtual host',
  takesVhost: true,
  async run({ api, say, vhost }) {
    say(`Listing permissions for vhost "${vhost}" ...`)
    const path = route`/vhosts/${vhost}/permissions`
    const rows = await refusedAs(api.get<Permission[]>(path), whenMissing(noSuchVhost(vhost)))
    return table(
      ['user', 'configure', 'write', 'read'],
      rows.map(({ user, configure, write, read }) => ({ user, configure, write, read })),
    )
  },
}

const listUserPermissions: CtlCommand = {
  ...common,
  name: 'list_user_permissions',
  tools: ['ctl', 'diagnostics'],
  summary: 'Lists what a user may do in which virtual hosts',
  arguments: [USER],
  async run({ api, args, say }) {
    const user = args[0]!
    say(`Listing permissions for user "${user}" ...`)
    const path = route`/users/${user}/permissions`
    const rows = await refusedAs(api.get<Permission[]>(path), whenMissing(noSuchUser(user, EXIT.unavailable)))
    return table(
      ['vhost', 'configure', 'write', 'read'],
      rows.map(({ vhost, configure, write, read }) => ({ vhost, configure, write, read })),
    )
  },
}

const setTopicPermissions: CtlCommand = {
  ...common,
  name: 'set_topic_permissions',
  summary: 'Says with which routing keys a user may publish to, and bind to, a topic exchange',
  takesVhost: true,
  arguments: [
    USER,
    { name: 'exchange', help: 'name of the topic exchange', completion: 'exchange' },
    { name: 'write', help: 'regular expression for routing keys of messages' },
    { name: 'read', help: 'regular expression for routing keys of bindings' },
  ],
  async run(context) {
    const { args, say, vhost } = context
    const [user, exchange, write, read] = args as [string, string, string, string]
    say(`Setting topic permissions on "${exchange}" for user "${user}" in vhost "${vhost}" ...`)
    await setAccess(context, route`/topic-permissions/${vhost}/${user}`, user, { exchange, write, read })
  },
}

const clearTopicPermissions: CtlCommand = {
  ...common,
  name: 'clear_topic_permissions',
  summary: 'Takes topic permissions from a user, for one exchange or for all',
  takesVhost: true,
  arguments: [
    USER,
    { name: 'exchange', help: 'name of the exchange; all where left out', optional: true, completion: 'exchange' },
  ],
  async run(context) {
    const { args, say, vhost, api } = context
    const [user, exchange] = args as [string, string?]
    const on = exchange === undefined ? '' : ` on "${exchange}"`
    say(`Clearing topic permissions${on} for user "${user}" in vhost "${vhost}" ...`)
    const all = route`/topic-permissions/${vhost}/${user}`
    if (exchange === undefined) return clearAccess(context, all, user)
    const missing = await whatIsMissing(context, user)
    if (missing !== null) throw missing
    const rows = (await api.find<TopicPermission[]>(all)) ?? []
    if (!rows.some((row) => row.exchange === exchange)) return
    await api.delete(route`/topic-permissions/${vhost}/${user}/${exchange}`)
  },
}

const listTopicPermissions: CtlCommand = {
  ...common,
  name: 'list_topic_permissions',
  tools: ['ctl', 'diagnostics'],
  summary: 'Lists topic permissions in a virtual host',
  takesVhost: true,
  async run({ api, say, vhost }) {
    say(`Listing topic permissions for vhost "${vhost}" ...`)
    const path = route`/vhosts/${vhost}/topic-permissions`
    const rows = await refusedAs(api.get<TopicPermission[]>(path), whenMissing(noSuchVhost(vhost)))
    return table(
      ['user', 'exchange', 'write', 'read'],
      rows.map(({ user, exchange, write, read }) => ({ user, exchange, write, read })),
    )
  },
}

const listUserTopicPermissions: CtlCommand = {
  ...common,
  name: 'list_user_topic_permissions',
  tools: ['ctl', 'diagnostics'],
  summary: 'Lists topic permissions of a user',
  arguments: [USER],
  async run({ api, args, say }) {
    const user = args[0]!
    say(`Listing topic permissions for user "${user}" ...`)
    const path = route`/users/${user}/topic-permissions`
    const rows = await refusedAs(api.get<TopicPermission[]>(path), whenMissing(noSuchUser(user, EXIT.unavailable)))
    return table(
      ['vhost', 'exchange', 'write', 'read'],
      rows.map(({ vhost, exchange, write, read }) => ({ vhost, exchange, write, read })),
    )
  },
}

export const PERMISSION_COMMANDS = [
  clearPermissions,
  clearTopicPermissions,
  listPermissions,
  listTopicPermissions,
  listUserPermissions,
  listUserTopicPermissions,
  setPermissions,
  setTopicPermissions,
]
