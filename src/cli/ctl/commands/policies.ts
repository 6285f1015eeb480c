import { route } from '../../api/route.ts'
import type { CtlCommand } from '../command.ts'
import { failure, noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { parseJson } from '../json-argument.ts'
import { table } from '../output.ts'
import { parseInteger } from '../../parse.ts'

interface Policy {
  readonly vhost: string
  readonly name: string
  readonly pattern: string
  readonly 'apply-to': string
  readonly definition: unknown
  readonly priority: number
}

const APPLY_TO = ['all', 'queues', 'exchanges', 'classic_queues', 'quorum_queues', 'streams'] as const

/** Policies and operator policies differ by their path and what they are called. */
interface Kind {
  readonly path: 'policies' | 'operator-policies'
  /** In names of commands. */
  readonly word: 'policy' | 'operator_policy'
  readonly words: 'policies' | 'operator_policies'
  readonly setting: string
  readonly clearing: string
  readonly listing: string
  readonly what: string
  readonly completion: 'policy' | 'operator-policy'
}

const POLICY: Kind = {
  path: 'policies',
  word: 'policy',
  words: 'policies',
  setting: 'Setting policy',
  clearing: 'Clearing policy',
  listing: 'Listing policies',
  what: 'policy',
  completion: 'policy',
}

const OPERATOR_POLICY: Kind = {
  path: 'operator-policies',
  word: 'operator_policy',
  words: 'operator_policies',
  setting: 'Setting operator policy override',
  clearing: 'Clearing operator policy',
  listing: 'Listing operator policy overrides',
  what: 'operator policy',
  completion: 'operator-policy',
}

const common = { section: 'Policies', tools: ['ctl'], takesVhost: true } as const

const setCommand = (kind: Kind): CtlCommand => ({
  ...common,
  name: `set_${kind.word}`,
  summary:
    kind.word === 'policy'
      ? 'Sets arguments of all queues and exchanges whose names match a pattern'
      : 'Sets limits that users cannot go beyond, for all queues whose names match a pattern',
  arguments: [
    { name: 'name', help: `name of the ${kind.what}` },
    { name: 'pattern', help: 'regular expression for the names of queues and exchanges' },
    { name: 'definition', help: 'what is set, as a JSON object' },
  ],
  options: [
    {
      flags: '--priority <priority>',
      help: 'of several that match, the one with the highest applies (0)',
      parse: parseInteger,
    },
    { flags: '--apply-to <what>', help: `what it applies to (all): ${APPLY_TO.join(', ')}`, completion: APPLY_TO },
  ],
  examples: [
    kind.word === 'policy'
      ? `set_policy expiring '^tmp\\.' '{"message-ttl": 60000, "expires": 300000}' --apply-to queues`
      : `set_operator_policy bounded '.*' '{"max-length": 1000000}' --apply-to queues`,
  ],
  async run({ api, args, number, option, say, vhost }) {
    const [name, pattern, json] = args as [string, string, string]
    const priority = number('priority') ?? 0
    say(
      `${kind.setting} "${name}" for pattern "${pattern}" to "${json}" with priority "${priority}" for vhost "${vhost}" ...`,
    )
    const body = { pattern, definition: parseJson(json), priority, 'apply-to': option('apply-to') ?? 'all' }
    await refusedAs(api.put(route`/${kind.path}/${vhost}/${name}`, body), whenMissing(noSuchVhost(vhost)))
  },
})

const clearCommand = (kind: Kind): CtlCommand => ({
  ...common,
  name: `clear_${kind.word}`,
  summary: `Takes away ${kind.word === 'policy' ? 'a policy' : 'an operator policy'}`,
  arguments: [{ name: 'name', help: `name of the ${kind.what}`, completion: kind.completion }],
  async run({ api, args, say, vhost }) {
    const name = args[0]!
    say(`${kind.clearing} "${name}" on vhost "${vhost}" ...`)
    await refusedAs(api.delete(route`/${kind.path}/${vhost}/${name}`), whenMissing(failure('Parameter does not exist')))
  },
})

const listCommand = (kind: Kind): CtlCommand => ({
  ...common,
  name: `list_${kind.words}`,
  tools: ['ctl', 'diagnostics'],
  summary: `Lists the ${kind.what === 'policy' ? 'policies' : 'operator policies'} of a virtual host`,
  async run({ api, say, vhost }) {
    say(`${kind.listing} for vhost "${vhost}" ...`)
    const rows = await refusedAs(api.get<Policy[]>(route`/${kind.path}/${vhost}`), whenMissing(noSuchVhost(vhost)))
    return table(
      ['vhost', 'name', 'pattern', 'apply-to', 'definition', 'priority'],
      rows.map((row) => ({ ...row, definition: JSON.stringify(row.definition) })),
    )
  },
})

export const POLICY_COMMANDS = [POLICY, OPERATOR_POLICY].flatMap((kind) => [
  setCommand(kind),
  clearCommand(kind),
  listCommand(kind),
])
