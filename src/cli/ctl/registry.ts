import { assert } from '../../util/assert.ts'
import type { CtlCommand } from './command.ts'
import { CONNECTION_COMMANDS } from './commands/connections.ts'
import { PROTOCOL_CONNECTION_COMMANDS } from './commands/protocol-connections.ts'
import { DEFINITION_COMMANDS } from './commands/definitions.ts'
import { evalCommand } from './commands/eval.ts'
import { HEALTH_COMMANDS } from './commands/health.ts'
import { LIFECYCLE_COMMANDS } from './commands/lifecycle.ts'
import { LIMIT_COMMANDS } from './commands/limits.ts'
import { LINK_COMMANDS } from './commands/links.ts'
import { PARAMETER_COMMANDS } from './commands/parameters.ts'
import { PERMISSION_COMMANDS } from './commands/permissions.ts'
import { PLUGIN_COMMANDS } from './commands/plugins.ts'
import { POLICY_COMMANDS } from './commands/policies.ts'
import { QUEUE_COMMANDS } from './commands/queues.ts'
import { REFUSED_COMMANDS } from './commands/refused.ts'
import { REPLICA_COMMANDS } from './commands/replicas.ts'
import { autocompleteCommand } from './commands/autocomplete.ts'
import { reportCommand } from './commands/report.ts'
import { SETTING_COMMANDS } from './commands/settings.ts'
import { STATUS_COMMANDS } from './commands/status.ts'
import { STREAM_COMMANDS } from './commands/streams.ts'
import { TOPOLOGY_COMMANDS } from './commands/topology.ts'
import { UPGRADE_COMMANDS } from './commands/upgrade.ts'
import { USER_COMMANDS } from './commands/users.ts'
import { VHOST_COMMANDS } from './commands/vhosts.ts'
import { WATCHING_COMMANDS } from './commands/watching.ts'

function find(name: string): CtlCommand {
  const command = COMMANDS.find((candidate) => candidate.name === name)
  assert(command !== undefined, `there is a command ${name}`)
  return command
}

/** Every command of `warren ctl`. */
export const COMMANDS: readonly CtlCommand[] = [
  ...CONNECTION_COMMANDS,
  ...PROTOCOL_CONNECTION_COMMANDS,
  ...DEFINITION_COMMANDS,
  ...HEALTH_COMMANDS,
  ...LIFECYCLE_COMMANDS,
  ...LIMIT_COMMANDS,
  ...LINK_COMMANDS,
  ...PARAMETER_COMMANDS,
  ...PERMISSION_COMMANDS,
  ...PLUGIN_COMMANDS,
  ...POLICY_COMMANDS,
  ...QUEUE_COMMANDS,
  ...REFUSED_COMMANDS,
  ...REPLICA_COMMANDS,
  ...SETTING_COMMANDS,
  ...STATUS_COMMANDS,
  ...STREAM_COMMANDS,
  ...TOPOLOGY_COMMANDS,
  ...UPGRADE_COMMANDS,
  ...USER_COMMANDS,
  ...VHOST_COMMANDS,
  ...WATCHING_COMMANDS,
  autocompleteCommand(() => COMMANDS),
  evalCommand,
  reportCommand(find),
]
