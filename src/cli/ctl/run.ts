import { nearest } from '../../util/nearest.ts'
import { ApiError, HttpApi, TimeoutError, UnreachableError } from '../api/http.ts'
import { resolveTarget, type Target, type TargetOptions } from '../api/target.ts'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import type { CliHost } from '../host.ts'
import { flagNames, optionKey, optionReader, type Parsed } from '../parse.ts'
import type { Terminal } from '../terminal.ts'
import type { Context, CtlCommand, Tool } from './command.ts'
import { DryRunApi, dryRunTerminal, DryRunEnd } from './dry-run.ts'
import { FORMATTERS, isForMachines, print, type Formatter } from './format/print.ts'
import { commandHelp, overview, usageText } from './help.ts'
import { findCommand, parseCtl } from './parse.ts'
import { COMMANDS } from './registry.ts'

/**
 * `warren ctl`, and `warren diagnostics`, `queues`, `plugins`, `upgrade` and `streams`, which are parts of it.
 *
 * @returns the exit code
 */
export async function runCtl(tool: Tool, argv: readonly string[], host: CliHost, terminal: Terminal): Promise<number> {
  const commands = tool === 'ctl' ? COMMANDS : COMMANDS.filter(({ tools }) => tools.includes(tool))
  const byName = new Map(commands.map((command) => [command.name, command]))
  const { name, rest } = findCommand(argv, (word) => word === 'help' || byName.has(word))
  const wantsHelp = rest.some((word) => word === '--help' || word === '-h' || word === '-?')
  if (name === null || name === 'help') {
    if (name === null && !wantsHelp && argv.length === 0) return complain(overview(commands, tool, terminal), terminal)
    return help(rest, { commands, byName, tool, terminal })
  }
  const command = byName.get(name)
  if (command === undefined) return complain(unknownCommand(name, commands, tool, terminal), terminal)
  if (wantsHelp) {
    terminal.print(commandHelp(command, tool, terminal))
    return EXIT.ok
  }
  return execute(command, rest, { tool, host, terminal, argv })
}

interface Invocation {
  readonly tool: Tool
  readonly host: CliHost
  readonly terminal: Terminal
  readonly argv: readonly string[]
}

async function execute(command: CtlCommand, rest: readonly string[], invocation: Invocation): Promise<number> {
  const { tool, host, terminal, argv } = invocation
  let formatter: Formatter | null = null
  let api: HttpApi | null = null
  try {
    const parsed = parseCtl(command, rest)
    formatter = readFormatter(parsed)
    checkColumns(command, parsed)
    const isDry = parsed.options['dryRun'] === true
    const target = await resolveTarget(targetOptions(command, parsed), process.env, host.describeNode)
    const timeoutSec = (parsed.options['timeout'] as number | undefined) ?? command.timeoutSec ?? Infinity
    api = new (isDry ? DryRunApi : HttpApi)(target, timeoutSec === Infinity ? null : timeoutSec * 1000)
    const context = createContext(parsed, {
      tool,
      api,
      target,
      terminal: isDry ? dryRunTerminal(terminal) : terminal,
      formatter,
      timeoutSec,
      version: host.version,
    })
    if (isDry && command.looksAround === true) return EXIT.ok
    const output = await command.run(context)
    const headers = parsed.options['tableHeaders'] !== false && !context.silent
    if (output !== undefined) print(output, { formatter, headers }, terminal)
    else if (formatter === 'json' && command.isStream !== true) terminal.print(JSON.stringify(await successJson(api)))
    return EXIT.ok
  } catch (error) {
    if (error instanceof DryRunEnd) return EXIT.ok
    if (error instanceof UsageError) {
      terminal.printError(`Error (argument validation): ${error.message}`)
      terminal.printError(`Arguments given:\n\t${argv.join(' ')}\n${usageText(command, tool, terminal)}`)
      return error.code
    }
    if (error instanceof CliError) return report(error, command, formatter, terminal)
    throw error
  } finally {
    api?.close()
  }
}

/** What a script reads of a command that has nothing else to say; without a name where the node has just been stopped. */
async function successJson(api: HttpApi): Promise<object> {
  try {
    return { node: await api.nodeName(), result: 'ok' }
  } catch (error) {
    if (error instanceof UnreachableError) return { result: 'ok' }
    throw error
  }
}

function report(error: CliError, command: CtlCommand, formatter: Formatter | null, terminal: Terminal): number {
  if (error.json !== undefined && formatter === 'json') terminal.printError(JSON.stringify(error.json))
  else if (error instanceof UnreachableError) terminal.printError(unreachableText(error))
  else if (error instanceof TimeoutError)
    terminal.printError(`Error: operation ${command.name} timed out. ${error.message}`)
  else if (error instanceof ApiError) terminal.printError(`Error:\n${refusalText(error)}`)
  else terminal.printError(error.message)
  return error.code
}

function refusalText({ status, message }: ApiError): string {
  if (status === 401) return `${message} (the node wants another --user or --password)`
  return message
}

function readFormatter({ options }: Parsed): Formatter | null {
  const name = options['formatter'] as string | undefined
  if (name === undefined) return null
  if (FORMATTERS.includes(name as Formatter)) return name as Formatter
  throw new UsageError(`Invalid options for this command:\n--formatter : ${name} (one of ${FORMATTERS.join(', ')})`)
}

/** Several columns may be in one word, as in `name,messages`. */
function checkColumns({ columns }: CtlCommand, { args }: Parsed): void {
  if (columns === undefined) return
  const wrong = args.flatMap((word) => word.split(',')).filter((name) => name !== '' && !columns.includes(name))
  if (wrong.length > 0) {
    const near = wrong.length === 1 ? nearest(wrong[0]!, columns) : null
    const hint = near === null ? '' : ` (did you mean ${near}?)`
    throw new UsageError(`Info key(s) ${wrong.toSorted().join(',')} are not supported${hint}`)
  }
}

/** An option of the command's own that is called like one of these (`list_user_limits --user`) is not about signing in. */
function targetOptions(command: CtlCommand, { options }: Parsed): TargetOptions {
  const own = new Set((command.options ?? []).map(({ flags }) => optionKey(flagNames(flags).at(-1)!.slice(2))))
  return Object.fromEntries(Object.entries(options).filter(([key]) => !own.has(key)))
}

interface Parts {
  readonly tool: Tool
  readonly api: HttpApi
  readonly target: Target
  readonly terminal: Terminal
  readonly formatter: Formatter | null
  readonly timeoutSec: number
  readonly version: string
}

function createContext(parsed: Parsed, parts: Parts): Context {
  const { args, options } = parsed
  const { api, terminal, formatter, timeoutSec } = parts
  const silent = options['silent'] === true
  const quiet = silent || options['quiet'] === true
  const say = (text: string): void => {
    if (!quiet && !isForMachines(formatter)) terminal.print(text)
  }
  return {
    ...parts,
    ...optionReader(parsed),
    args,
    quiet,
    silent,
    vhost: (options['vhost'] as string | undefined) ?? '/',
    timeoutSec: timeoutSec === Infinity ? null : timeoutSec,
    say,
    sayNode: async (text) => {
      if (!quiet && !isForMachines(formatter)) say(text(await api.nodeName()))
    },
  }
}

function complain(text: string, terminal: Terminal): number {
  terminal.printError(text)
  return EXIT.usage
}

function unknownCommand(name: string, commands: readonly CtlCommand[], tool: Tool, terminal: Terminal): string {
  const text = `\nCommand '${name}' not found. `
  const near = nearest(
    name,
    commands.map((command) => command.name),
  )
  return near === null ? `${text}\n${overview(commands, tool, terminal)}` : `${text}\nDid you mean '${near}'? \n`
}

interface HelpParts {
  readonly commands: readonly CtlCommand[]
  readonly byName: ReadonlyMap<string, CtlCommand>
  readonly tool: Tool
  readonly terminal: Terminal
}

function help(rest: readonly string[], { commands, byName, tool, terminal }: HelpParts): number {
  if (rest.includes('--list-commands')) {
    for (const name of [...byName.keys()].toSorted()) terminal.print(name)
    return EXIT.ok
  }
  const name = rest.find((word) => !word.startsWith('-'))
  if (name === undefined) terminal.print(overview(commands, tool, terminal))
  else if (byName.has(name)) terminal.print(commandHelp(byName.get(name)!, tool, terminal))
  else return complain(unknownCommand(name, commands, tool, terminal), terminal)
  return EXIT.ok
}

function unreachableText({ address, message }: UnreachableError): string {
  return `Error: unable to perform an operation on the node at ${address}. Please see diagnostics information and suggestions below.

Most common reasons for this are:

 * Target node is not running
 * Its HTTP API answers at another address: see --url, --config and WARREN_URL
 * Target node is unreachable (e.g. due to hostname resolution, TCP connection or firewall issues)

DIAGNOSTICS
===========

attempted to contact: ${message}`
}
