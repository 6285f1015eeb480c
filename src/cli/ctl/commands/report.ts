import { CliError } from '../../errors.ts'
import type { Context, CtlCommand } from '../command.ts'
import { print } from '../format/print.ts'
import type { Output } from '../output.ts'
import { parseUnit } from '../units.ts'
import { clusterStatusOutput, statusOutput } from './status.ts'

/** Commands whose results are in the report, for each virtual host where that says something. */
const PARTS = ['list_connections', 'list_channels', 'list_users', 'list_global_parameters']
const PARTS_OF_VHOST = [
  'list_queues',
  'list_exchanges',
  'list_bindings',
  'list_consumers',
  'list_permissions',
  'list_policies',
  'list_operator_policies',
  'list_vhost_limits',
]

/** @param find another command by its name */
export const reportCommand = (find: (name: string) => CtlCommand): CtlCommand => ({
  name: 'report',
  isStream: true,
  section: 'Monitoring, observability and health checks',
  tools: ['ctl', 'diagnostics'],
  summary: 'Prints everything that helps to find out what is wrong, one result after the other',
  async run(context) {
    await context.sayNode((node) => `Reporting server status of node ${node} ...\n`)
    const show = (output: Output | void): void => {
      if (output !== undefined) print(output, { formatter: null, headers: true }, context.terminal)
      context.terminal.print('')
    }
    show(await statusOutput(context, parseUnit()))
    show(await clusterStatusOutput(context))
    for (const name of PARTS) show(await attempt(find(name), { ...context, args: [] }))
    const vhosts = await context.api.get<{ name: string }[]>('/vhosts?columns=name')
    for (const { name: vhost } of vhosts) {
      for (const name of PARTS_OF_VHOST) show(await attempt(find(name), { ...context, args: [], vhost }))
    }
  },
})

/** What one part is refused must not keep the others from being shown. */
async function attempt(command: CtlCommand, context: Context): Promise<Output | void> {
  try {
    return await command.run(context)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    context.terminal.print(error.message)
  }
}
