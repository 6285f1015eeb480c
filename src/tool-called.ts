import { basename } from 'node:path'
import { CTL_NAMES } from './cli/top-commands.ts'

/**
 * The command that a name of RabbitMQ's tools stands for, where a link to the program has it: Ansible, Puppet, health checks of
 * containers and the like call them by these names.
 * @param path as the program was called
 */
export function toolCalled(path: string): readonly string[] {
  const name = basename(path)
  if (name === 'rabbitmqctl') return ['ctl']
  return CTL_NAMES.filter((part) => part !== 'ctl' && name === `rabbitmq-${part}`)
}
