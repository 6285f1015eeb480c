import type { HttpApi } from '../../api/http.ts'
import { route } from '../../api/route.ts'
import { EXIT } from '../../exit-codes.ts'
import type { Argument } from '../../command-spec.ts'
import type { CtlCommand } from '../command.ts'
import { failure, noSuchUser, noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { parseJsonObject } from '../json-argument.ts'
import { table, text } from '../output.ts'

type Values = Readonly<Record<string, number>>

interface UserLimits {
  readonly user: string
  readonly value: Values
}

interface VhostLimits {
  readonly vhost: string
  readonly value: Values
}

const USER_LIMITS = ['max-connections', 'max-channels']
const VHOST_LIMITS = ['max-connections', 'max-queues']

const USER: Argument = { name: 'username', help: 'name of the user', completion: 'user' }
const DEFINITION: Argument = { name: 'definition', help: 'the limits as a JSON object; a negative number is no limit' }

async function requireUser(api: HttpApi, user: string): Promise<void> {
  if ((await api.find(route`/users/${user}`)) === null) throw noSuchUser(user, EXIT.unavailable)
}

async function requireVhost(api: HttpApi, vhost: string): Promise<void> {
  if ((await api.find(route`/vhosts/${vhost}`)) === null) throw noSuchVhost(vhost)
}

/** The API takes them one by one. What the node does not know goes first, so that a mistake changes nothing. */
const unknownFirst = (limits: Readonly<Record<string, unknown>>, known: readonly string[]): [string, unknown][] =>
  Object.entries(limits).toSorted(([a], [b]) => Number(known.includes(a)) - Number(known.includes(b)))

/** In order of name, whichever was set last. */
const limitsText = (limits: Values): string =>
  JSON.stringify(Object.fromEntries(Object.entries(limits).toSorted(([a], [b]) => (a < b ? -1 : 1))))

const setUserLimits: CtlCommand = {
  name: 'set_user_limits',
  section: 'Users',
  tools: ['ctl'],
  summary: 'Limits the connections and channels of a user',
  arguments: [USER, DEFINITION],
  examples: [`set_user_limits alice '{"max-connections": 10, "max-channels": 100}'`],
  async run({ api, args, say }) {
    const [user, definition] = args as [string, string]
    say(`Setting user limits to "${definition}" for user "${user}" ...`)
    const limits = parseJsonObject(definition)
    await requireUser(api, user)
    for (const [name, value] of unknownFirst(limits, USER_LIMITS)) {
      await refusedAs(api.put(route`/user-limits/${user}/${name}`, { value }))
    }
  },
}

const clearUserLimits: CtlCommand = {
  name: 'clear_user_limits',
  section: 'Users',
  tools: ['ctl'],
  summary: 'Takes away a limit of a user, or all of them',
  arguments: [
    USER,
    { name: 'limit_type', help: 'max-connections, max-channels or all', completion: [...USER_LIMITS, 'all'] },
  ],
  async run({ api, args, say }) {
    const [user, type] = args as [string, string]
    say(
      type === 'all' ? `Clearing all limits for user "${user}" ...` : `Clearing "${type}" limit for user "${user}" ...`,
    )
    if (type !== 'all' && !USER_LIMITS.includes(type)) throw failure(`Unsupported limit type: ${type}`)
    await requireUser(api, user)
    const limits = await userLimits(api, user)
    const names = type === 'all' ? Object.keys(limits) : [type].filter((name) => name in limits)
    for (const name of names) await api.delete(route`/user-limits/${user}/${name}`)
  },
}

/** RabbitMQ answers 404 for a user that is not there, and an empty list for one without limits. */
async function userLimits(api: HttpApi, user: string): Promise<Values> {
  const rows = (await api.find<UserLimits[]>(route`/user-limits/${user}`)) ?? []
  return rows[0]?.value ?? {}
}

const listUserLimits: CtlCommand = {
  name: 'list_user_limits',
  section: 'Users',
  tools: ['ctl', 'diagnostics'],
  summary: 'Shows the limits of a user, or of all users',
  options: [
    { flags: '--user <username>', help: 'name of the user; guest where left out', completion: 'user' },
    { flags: '--global', help: 'the limits of all users' },
  ],
  async run({ api, flag, option, say }) {
    if (flag('global')) {
      say('Listing limits for all users ...')
      const rows = await api.get<UserLimits[]>('/user-limits')
      return table(
        ['user', 'limits'],
        rows.map(({ user, value }) => ({ user, limits: limitsText(value) })),
      )
    }
    const user = option('user') ?? 'guest'
    say(`Listing limits for user "${user}" ...`)
    await requireUser(api, user)
    return text(limitsText(await userLimits(api, user)))
  },
}

const setVhostLimits: CtlCommand = {
  name: 'set_vhost_limits',
  section: 'Virtual hosts',
  tools: ['ctl'],
  summary: 'Limits the connections and queues of a virtual host; limits that are not given are taken away',
  takesVhost: true,
  arguments: [DEFINITION],
  examples: [`set_vhost_limits -p orders '{"max-connections": 256, "max-queues": 1000}'`],
  async run({ api, args, say, vhost }) {
    const definition = args[0]!
    say(`Setting vhost limits to "${definition}" for vhost "${vhost}" ...`)
    const limits = parseJsonObject(definition)
    await requireVhost(api, vhost)
    for (const [name, value] of unknownFirst(limits, VHOST_LIMITS)) {
      await refusedAs(api.put(route`/vhost-limits/${vhost}/${name}`, { value }))
    }
    const superseded = Object.keys(await vhostLimits(api, vhost)).filter((name) => !(name in limits))
    for (const name of superseded) await api.delete(route`/vhost-limits/${vhost}/${name}`)
  },
}

const clearVhostLimits: CtlCommand = {
  name: 'clear_vhost_limits',
  section: 'Virtual hosts',
  tools: ['ctl'],
  summary: 'Takes away all limits of a virtual host',
  takesVhost: true,
  async run({ api, say, vhost }) {
    say(`Clearing vhost "${vhost}" limits ...`)
    await requireVhost(api, vhost)
    const names = Object.keys(await vhostLimits(api, vhost))
    for (const name of names) await api.delete(route`/vhost-limits/${vhost}/${name}`)
  },
}

async function vhostLimits(api: HttpApi, vhost: string): Promise<Values> {
  const path = route`/vhost-limits/${vhost}`
  const rows = await refusedAs(api.get<VhostLimits[]>(path), whenMissing(noSuchVhost(vhost)))
  return rows[0]?.value ?? {}
}

const listVhostLimits: CtlCommand = {
  name: 'list_vhost_limits',
  section: 'Virtual hosts',
  tools: ['ctl', 'diagnostics'],
  summary: 'Shows the limits of a virtual host, or of all virtual hosts',
  takesVhost: true,
  options: [{ flags: '--global', help: 'the limits of all virtual hosts' }],
  async run({ api, flag, formatter, say, vhost }) {
    if (flag('global')) {
      say('Listing limits for all vhosts ...')
      const rows = await api.get<VhostLimits[]>('/vhost-limits')
      return table(
        ['vhost', 'limits'],
        rows.map((row) => ({ vhost: row.vhost, limits: limitsText(row.value) })),
      )
    }
    say(`Listing limits for vhost "${vhost}" ...`)
    const limits = await vhostLimits(api, vhost)
    if (Object.keys(limits).length === 0) return formatter === 'json' ? text('', []) : text('')
    return text(limitsText(limits), { node: await api.nodeName(), result: 'ok', value: limitsText(limits) })
  },
}

export const LIMIT_COMMANDS = [
  clearUserLimits,
  clearVhostLimits,
  listUserLimits,
  listVhostLimits,
  setUserLimits,
  setVhostLimits,
]
