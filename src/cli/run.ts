import { CliError } from './errors.ts'
import type { CliHost } from './host.ts'
import { openTerminal } from './terminal.ts'
import { TOOLS } from './tools/index.ts'

/** Parts of `ctl` under the names of RabbitMQ's other tools. */
const CTL_NAMES = ['ctl', 'diagnostics', 'queues', 'plugins'] as const

export const isClientCommand = (name: string): boolean => CTL_NAMES.some((ctl) => ctl === name) || name in TOOLS

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
    const { runTool } = await import('./tools/tool.ts')
    return await runTool(await TOOLS[name]!(), argv, host, terminal)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    terminal.printError(`warren: ${error.message}`)
    return error.code
  }
}
