import { CliError } from './errors.ts'
import type { CliHost } from './host.ts'
import { openTerminal } from './terminal.ts'
import { TOOLS } from './tools/index.ts'
import { CTL_NAMES, TOP_COMMANDS } from './top-commands.ts'
import { nearest } from '../util/nearest.ts'

/** What the scripts of `warren completion` call. */
const COMPLETE = '__complete'

export const isClientCommand = (name: string): boolean =>
  CTL_NAMES.some((ctl) => ctl === name) || Object.hasOwn(TOOLS, name) || name === COMPLETE

/** What to say of a command that there is not. */
export function unknownCommandText(name: string): string {
  const near = nearest(
    name,
    TOP_COMMANDS.map(({ word }) => word),
  )
  return `there is no command '${name}'${near === null ? '' : ` (did you mean '${near}'?)`}; see warren help`
}

/**
 * Runs a command that talks to a node.
 *
 * @param argv what follows the name of the command
 * @returns the exit code
 */
export async function runClientCommand(name: string, argv: readonly string[], host: CliHost): Promise<number> {
  const terminal = openTerminal()
  try {
    const ctl = CTL_NAMES.find((ctlName) => ctlName === name)
    if (ctl !== undefined) {
      const { runCtl } = await import('./ctl/run.ts')
      return await runCtl(ctl, argv, host, terminal)
    }
    if (name === COMPLETE) {
      const { answerShell } = await import('./completion/answer-shell.ts')
      return await answerShell(argv, host, terminal)
    }
    const { runTool } = await import('./tools/tool.ts')
    return await runTool(await TOOLS[name]!(), argv, host, terminal)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    terminal.printError(`warren: ${error.message}`)
    return error.code
  }
}
