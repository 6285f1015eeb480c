import { CliError, UsageError } from '../../errors.ts'
import { EXIT } from '../../exit-codes.ts'
import type { Argument, CommandOption } from '../../command-spec.ts'
import type { CtlCommand } from '../command.ts'
import { failure } from '../failures.ts'
import { fetchThisNode, type NodeFacts } from '../node-facts.ts'
import { text, type Output } from '../output.ts'

const common = { section: 'Plugin Management', tools: ['plugins'] } as const

const WHERE: readonly CommandOption[] = [
  { flags: '--online', help: 'ask the node, which is how it is anyway' },
  { flags: '--offline', help: 'taken for the sake of scripts: the node is asked' },
]
const NAMES: Argument = { name: 'plugin', help: 'name of a plugin', variadic: true }

interface Plugin {
  readonly name: string
  readonly version: string
  readonly description: string
}

function pluginsOf({ enabled_plugins: enabled = [], applications = [] }: NodeFacts): Plugin[] {
  const described = new Map(applications.map((application) => [application.name, application]))
  return enabled.toSorted().map((name) => {
    const { version = '', description = '' } = described.get(name) ?? {}
    return { name, version, description }
  })
}

const list: CtlCommand = {
  ...common,
  name: 'list',
  summary: 'Lists plugins: all that there are run',
  arguments: [{ name: 'pattern', help: 'regular expression for their names', optional: true }],
  options: [
    { flags: '-v, --verbose', help: 'with description' },
    { flags: '-m, --minimal', help: 'only the names' },
    { flags: '-e, --implicitly-enabled', help: 'taken for the sake of scripts' },
    { flags: '-E, --enabled', help: 'taken for the sake of scripts' },
    ...WHERE,
  ],
  async run(context): Promise<Output> {
    const { args, flag, say } = context
    const pattern = args[0] ?? '.*'
    say(`Listing plugins with pattern "${pattern}" ...`)
    const matcher = toRegExp(pattern)
    const node = await fetchThisNode(context.api)
    const plugins = pluginsOf(node).filter(({ name }) => matcher.test(name))
    const json = {
      format: flag('verbose') ? 'verbose' : flag('minimal') ? 'minimal' : 'normal',
      plugins: plugins.map(({ name, version }) =>
        flag('minimal') ? { name } : { enabled: 'enabled', name, running: true, running_version: version, version },
      ),
      status: 'running',
    }
    if (flag('minimal'))
      return text(
        plugins.map(({ name }) => name),
        json,
      )
    const legend = context.quiet
      ? []
      : [' Configured: E = explicitly enabled; e = implicitly enabled', ` | Status: * = running on ${node.name}`, ' |/']
    const width = Math.max(0, ...plugins.map(({ name }) => name.length))
    const lines = plugins.flatMap(({ name, version, description }) =>
      flag('verbose')
        ? [`[E*] ${name}`, `     Version:     \t${version}`, `     Description: \t${description}`]
        : [`[E*] ${name.padEnd(width)} ${version}`.trimEnd()],
    )
    return text([...legend, ...lines], json)
  },
}

function toRegExp(pattern: string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (error) {
    throw failure(`'${pattern}' is not a regular expression: ${(error as Error).message}`, EXIT.data)
  }
}

const isEnabled: CtlCommand = {
  ...common,
  name: 'is_enabled',
  section: 'Monitoring, observability and health checks',
  summary: 'Checks that plugins run',
  arguments: [NAMES],
  options: WHERE,
  async run(context) {
    const { args, sayNode } = context
    const some = args.length === 1 ? `plugin ${args[0]!} is` : `plugins ${args.join(', ')} are`
    await sayNode((node) => `Asking node ${node} if ${some} enabled...`)
    const { name: node, enabled_plugins: enabled = [] } = await fetchThisNode(context.api)
    const missing = args.filter((name) => !enabled.includes(name))
    const shown = (names: readonly string[]): string =>
      `${names.length === 1 ? 'Plugin' : 'Plugins'} ${names.join(', ')} ${names.length === 1 ? 'is' : 'are'}`
    if (missing.length > 0) {
      const found = `Enabled plugins and dependencies: ${enabled.toSorted().join(', ')}`
      const message = `${shown(missing)} not enabled on node ${node}. ${found}`
      throw new CliError(EXIT.unavailable, `Error:\n${message}`, { json: { message, result: 'error' } })
    }
    const message = `${shown(args)} enabled on node ${node}`
    return text(message, { message, result: 'ok' })
  },
}

/** Plugins come with the node and its configuration: there is nothing to switch while it runs. */
const enabling = (name: 'enable' | 'disable' | 'set', summary: string): CtlCommand => ({
  ...common,
  name,
  summary,
  arguments: [{ ...NAMES, optional: true }],
  options: [{ flags: '--all', help: 'all there are' }, ...WHERE],
  async run(context) {
    const { args, flag, sayNode } = context
    if (flag('all') && args.length > 0)
      throw new UsageError('Bad argument: Cannot set both --all and a list of plugins', EXIT.data)
    // `set` without names is how all of them are turned off
    if (!flag('all') && args.length === 0 && name !== 'set') throw new UsageError('not enough arguments.')
    await sayNode((node) => `${name === 'disable' ? 'Disabling' : 'Enabling'} plugins on node ${node}:`)
    if (!context.quiet) context.say(args.join('\n'))
    const enabled = (await fetchThisNode(context.api)).enabled_plugins ?? []
    const known = args.filter((plugin) => enabled.includes(plugin))
    const unknown = args.filter((plugin) => !enabled.includes(plugin))
    if (name === 'disable') {
      const unchanged = known.length === 0 && !flag('all')
      if (!unchanged)
        throw failure(
          `${known.join(', ') || 'plugins'}: cannot be disabled in a node that runs; leave out of its configuration what it is not to have`,
        )
    } else if (unknown.length > 0) {
      const advice = `'warren plugins list' shows those it has; others are loaded when it starts (warren.plugins)`
      throw failure(`${unknown.join(', ')}: there is no such plugin in this node; ${advice}`, EXIT.software)
    }
    return text([
      'The following plugins have been configured:',
      ...enabled.toSorted().map((plugin) => `  ${plugin}`),
      'Plugin configuration unchanged.',
    ])
  },
})

const directories: CtlCommand = {
  ...common,
  name: 'directories',
  section: 'Monitoring, observability and health checks',
  summary: 'Shows where the node keeps its data',
  options: WHERE,
  async run(context) {
    await context.sayNode((node) => `Listing plugin directories used by node ${node}`)
    const { db_dir: data = '' } = await fetchThisNode(context.api)
    return text([`Data directory: ${data}`], { data_directory: data })
  },
}

export const PLUGIN_COMMANDS = [
  directories,
  enabling('disable', 'Disables plugins: they are part of the node, and it is said so'),
  enabling('enable', 'Enables plugins: those the node has run already'),
  isEnabled,
  list,
  enabling('set', 'Enables these plugins and no others: those the node has run already'),
]
