import { CommanderError } from 'commander'
import { HttpApi, UnreachableError } from '../api/http.ts'
import { resolveTarget, TARGET_OPTIONS, type TargetOptions } from '../api/target.ts'
import type { CommandOption, CommandSpec } from '../command-spec.ts'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import type { CliHost } from '../host.ts'
import { optionReader, parseCommandLine, parseNatural, type OptionReader, type Parsed } from '../parse.ts'
import type { Terminal } from '../terminal.ts'
import { toolHelp } from './tool-help.ts'

/** What a tool is given. */
export interface ToolContext extends OptionReader {
  readonly args: readonly string[]
  readonly terminal: Terminal
  readonly host: CliHost
  /** Of `--vhost`; null where it was not given. */
  readonly vhost: string | null
  /** Ends with the first Ctrl-C; a second one ends the process. */
  readonly interrupted: AbortSignal
  /** The HTTP API of the node; made when first asked for. */
  readonly api: () => Promise<HttpApi>
  readonly targetOptions: TargetOptions
}

/** A command beside `ctl`: `warren move` and so on. */
export interface Tool extends CommandSpec {
  /** Paragraphs of help that follow the summary. */
  readonly description?: string
  /** It talks to the HTTP API of a node: the options that say where. */
  readonly usesApi?: boolean
  /** How options are shown, where that is not as they are parsed. */
  readonly helpOptions?: readonly CommandOption[]
  /** Rewrites the command line before it is parsed. */
  readonly expandArguments?: (argv: readonly string[]) => readonly string[]
  /** @returns the exit code */
  run(context: ToolContext): Promise<number>
}

export const VHOST_OPTION: CommandOption = {
  flags: '-p, --vhost <vhost>',
  help: 'virtual host (/)',
  completion: 'vhost',
}

export const URI_OPTION: CommandOption = {
  flags: '--uri <uri>',
  help: 'AMQP address of the node (WARREN_AMQP_URL; else where its HTTP API says that it listens)',
}

export const LIMIT_OPTION: CommandOption = {
  flags: '--limit <count>',
  help: 'at most so many messages',
  parse: parseNatural,
}

const INTERRUPTED = 130

/**
 * Runs a tool.
 *
 * @returns the exit code
 */
export async function runTool(tool: Tool, argv: readonly string[], host: CliHost, terminal: Terminal): Promise<number> {
  if (argv.some((word) => word === '--help' || word === '-?')) {
    terminal.print(toolHelp(tool, terminal, commonOptions(tool)))
    return EXIT.ok
  }
  let api: HttpApi | null = null
  const interrupt = watchInterrupt()
  try {
    const parsed = parse(tool, argv)
    const targetOptions = parsed.options as TargetOptions
    const makeApi = async (): Promise<HttpApi> =>
      (api ??= new HttpApi(await resolveTarget(targetOptions, process.env, host.describeNode), null))
    return await tool.run({
      ...optionReader(parsed),
      args: parsed.args,
      terminal,
      host,
      vhost: (parsed.options['vhost'] as string | undefined) ?? null,
      interrupted: interrupt.signal,
      api: makeApi,
      targetOptions,
    })
  } catch (error) {
    terminal.endProgress()
    if (interrupt.signal.aborted && (error as Error).name === 'AbortError') return INTERRUPTED
    if (!(error instanceof CliError)) throw error
    terminal.printError(
      `warren ${tool.name}: ${error instanceof UnreachableError ? `${error.message} (see --url)` : error.message}`,
    )
    if (error instanceof UsageError) terminal.printError(`See warren ${tool.name} --help`)
    return error.code
  } finally {
    interrupt.end()
    ;(api as HttpApi | null)?.close()
  }
}

export const commonOptions = ({ usesApi }: Tool): readonly CommandOption[] =>
  usesApi === true ? TARGET_OPTIONS.map(([flags, help]) => ({ flags, help })) : []

function parse(tool: Tool, argv: readonly string[]): Parsed {
  try {
    return parseCommandLine(tool, tool.expandArguments?.(argv) ?? argv, commonOptions(tool))
  } catch (error) {
    if (error instanceof CommanderError) throw new UsageError(error.message.replace(/^error: /, ''))
    throw error
  }
}

function watchInterrupt(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController()
  const onSignal = (): void => {
    if (controller.signal.aborted) process.exit(INTERRUPTED)
    controller.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const end = (): void => {
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
  return { signal: controller.signal, end }
}
