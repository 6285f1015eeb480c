import { CommanderError } from 'commander'
import { nearest } from '../../util/nearest.ts'
import { TARGET_OPTIONS } from '../api/target.ts'
import type { CommandOption } from '../command-spec.ts'
import { UsageError } from '../errors.ts'
import { flagNames, parseCommandLine, parseNatural, type Parsed } from '../parse.ts'
import type { CtlCommand } from './command.ts'

/** Options that every command takes. */
export const GLOBAL_OPTIONS: readonly CommandOption[] = [
  { flags: '-n, --node <node>', help: 'node to ask: its host is used, unless --url is given' },
  { flags: '-p, --vhost <vhost>', help: 'virtual host, for commands that look at one', completion: 'vhost' },
  { flags: '-t, --timeout <seconds>', help: 'how long to wait for an answer', parse: parseSeconds },
  { flags: '-q, --quiet', help: 'only the result: no word on what is being done' },
  { flags: '-s, --silent', help: 'the same, and no table headers' },
  {
    flags: '--formatter <name>',
    help: 'form of the result: table, pretty_table, json, csv, erlang',
    completion: ['table', 'pretty_table', 'json', 'csv', 'erlang'],
  },
  { flags: '--no-table-headers', help: 'no table headers' },
  { flags: '--table-headers', help: 'table headers, which is how it is anyway' },
  { flags: '--dry-run', help: 'check the arguments, and do nothing' },
  { flags: '-l, --longnames', help: 'taken for the sake of scripts, without effect' },
  { flags: '--erlang-cookie <cookie>', help: 'taken for the sake of scripts, without effect' },
  ...TARGET_OPTIONS.map(([flags, help]) => ({
    flags,
    help,
    ...(flags.includes('<file>') && { completion: 'file' as const }),
  })),
]

/** The name of the command, which may stand anywhere, and what is left of the line; null when there is none. */
export function findCommand(
  argv: readonly string[],
  isCommand: (name: string) => boolean,
): { name: string | null; rest: readonly string[] } {
  const withValue = new Set(
    GLOBAL_OPTIONS.filter(({ flags }) => flags.includes('<')).flatMap(({ flags }) => flagNames(flags)),
  )
  let first = -1
  for (let i = 0; i < argv.length && argv[i] !== '--'; i++) {
    const word = argv[i]!
    if (withValue.has(word)) i++
    else if (!word.startsWith('-')) {
      if (isCommand(word)) return { name: word, rest: argv.toSpliced(i, 1) }
      if (first < 0) first = i
    }
  }
  return first < 0 ? { name: null, rest: argv } : { name: argv[first]!, rest: argv.toSpliced(first, 1) }
}

/**
 * @param argv without the name of the command
 * @throws UsageError in RabbitMQ's words
 */
export function parseCtl(command: CtlCommand, argv: readonly string[]): Parsed {
  try {
    return parseCommandLine(command, withoutTruthValues(command, argv), GLOBAL_OPTIONS)
  } catch (error) {
    if (error instanceof CommanderError) throw new UsageError(inRabbitWords(error, command))
    throw error
  }
}

/** Options without a value may have one in scripts, as RabbitMQ takes it: `--online=true`, `--table-headers=false`. */
function withoutTruthValues({ options = [] }: CtlCommand, argv: readonly string[]): string[] {
  const flags = new Set(
    [...options, ...GLOBAL_OPTIONS].flatMap(({ flags: text }) => (/[<[]/.test(text) ? [] : flagNames(text))),
  )
  return argv.flatMap((word) => {
    const [, name = '', value] = /^--([^=]+)=(true|false)$/.exec(word) ?? []
    if (value === undefined || !flags.has(`--${name}`)) return [word]
    if (value === 'true') return [`--${name}`]
    return flags.has(`--no-${name}`) ? [`--no-${name}`] : []
  })
}

function inRabbitWords({ code, message }: CommanderError, command: CtlCommand): string {
  switch (code) {
    case 'commander.missingArgument':
      return 'not enough arguments.'
    case 'commander.excessArguments':
      return 'too many arguments.'
    case 'commander.unknownOption': {
      const [, flag = ''] = /unknown option '([^']*)'/.exec(message) ?? []
      return `Invalid options for this command:\n${flag} : ${suggestion(flag, command)}`
    }
    case 'commander.invalidArgument': {
      const [, flags = '', value = ''] = /option '([^']*)' argument '([^']*)' is invalid/.exec(message) ?? []
      return `Invalid options for this command:\n${flagNames(flags).at(-1) ?? flags} : ${value}`
    }
    case 'commander.optionMissingArgument': {
      const [, flags = ''] = /option '([^']*)' argument missing/.exec(message) ?? []
      return `Invalid options for this command:\n${flagNames(flags).at(-1) ?? flags} : `
    }
    default:
      return message.replace(/^error: /, '')
  }
}

function suggestion(flag: string, { options = [] }: CtlCommand): string {
  const near = nearest(
    flag,
    [...options, ...GLOBAL_OPTIONS].flatMap(({ flags }) => flagNames(flags)).filter((name) => name.startsWith('--')),
  )
  return near === null ? '' : `(did you mean ${near}?)`
}

function parseSeconds(text: string): number {
  if (text === 'infinity') return Infinity
  return parseNatural(text)
}
