import { CliError } from './cli/errors.ts'
import { EXIT } from './cli/exit-codes.ts'
import type { CliHost } from './cli/host.ts'
import type { NodeDescription } from './cli/api/target.ts'
import type { CommandOption, CommandSpec } from './cli/command-spec.ts'
import type { ListenerConfig } from './config/config.ts'
import { ConfigError } from './config/errors.ts'
import { hasFlag, isSwitch } from './config/help.ts'
import { loadConfig } from './config/load.ts'
import type { Option } from './config/option.ts'
import { allOptions } from './config/options.ts'

/** What the command line is given of the rest of the program: it imports nothing of the broker itself. */
export function createCliHost(version: string): CliHost {
  return { version, describeNode: (file) => Promise.resolve(describeNode(file)), commands: otherCommands }
}

/** The commands that are read elsewhere, so far as a shell has to know them. */
function otherCommands(): CommandSpec[] {
  const options = allOptions.filter(hasFlag).map((option): CommandOption => {
    const { flag, doc } = option
    const help = doc.replaceAll('`', '')
    if (isSwitch(option)) return { flags: `--${flag}`, help }
    return { flags: `--${flag} <value>`, help, ...completionOf(option) }
  })
  return [
    { name: 'start', summary: 'Starts a broker in the foreground', options },
    { name: 'ping', summary: 'Asks a broker whether it answers', options },
    {
      name: 'doctor',
      summary: 'Checks the data directory of a broker that is not running',
      arguments: [{ name: 'directory', help: 'the data directory', completion: 'file' }],
      options: [
        { flags: '--json', help: 'the report as JSON' },
        { flags: '--export <file>', help: 'write every readable message to this file', completion: 'file' },
        { flags: '--vhost <name>', help: 'export only from this virtual host' },
        { flags: '--queue <name>', help: 'export only from queues of this name' },
      ],
    },
  ]
}

function completionOf({ type }: Option<unknown>): Pick<CommandOption, 'completion'> {
  if (type.hint.includes('PATH')) return { completion: 'file' }
  return type.hint.includes('|') ? { completion: type.hint.split('|') } : {}
}

/** Where a node with this configuration is found, read as `warren ping` reads it. */
function describeNode(file: string | null): NodeDescription {
  let config
  try {
    config = loadConfig({ argv: file === null ? [] : ['--config', file], env: process.env })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new CliError(EXIT.config, error.message, { cause: error })
  }
  const { http, listeners, defaults } = config
  const web = http.listeners.find(({ tls }) => tls === null) ?? http.listeners[0]
  const amqp = listeners.tcp[0] ?? listeners.tls[0]
  return {
    url: web === undefined ? null : `${web.tls === null ? 'http' : 'https'}://${addressOf(web)}${http.pathPrefix}`,
    amqpUrl: amqp === undefined ? null : `${listeners.tcp[0] === undefined ? 'amqps' : 'amqp'}://${addressOf(amqp)}`,
    user: defaults.user,
    password: defaults.password,
  }
}

function addressOf({ hosts, port }: ListenerConfig): string {
  const host = hosts[0]!
  if (host === '::' || host === '0.0.0.0') return `localhost:${port}`
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
