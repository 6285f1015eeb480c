import { Command, InvalidArgumentError, Option } from 'commander'
import type { Argument, CommandOption, CommandSpec } from './command-spec.ts'

export interface Parsed {
  readonly args: readonly string[]
  readonly options: Readonly<Record<string, unknown>>
}

export const flagNames = (flags: string): string[] => flags.split(/[\s,|]+/).filter((word) => word.startsWith('-'))

/** The name under which an option's value is found: `--if-empty` is `ifEmpty`. */
export const optionKey = (name: string): string =>
  name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/**
 * Options may stand anywhere; `--` ends them.
 *
 * @param argv without the name of the command
 * @param common options besides the command's own, which go before these
 * @throws CommanderError
 */
export function parseCommandLine(
  command: CommandSpec,
  argv: readonly string[],
  common: readonly CommandOption[],
): Parsed {
  const parser = new Command(command.name)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .helpOption(false)
  for (const argument of command.arguments ?? []) parser.argument(argumentSyntax(argument))
  const own = command.options ?? []
  const taken = new Set(own.flatMap(({ flags }) => flagNames(flags)))
  const options = [...own, ...common.filter(({ flags }) => !flagNames(flags).some((flag) => taken.has(flag)))]
  for (const option of options) parser.addOption(toCommander(option))
  parser.action(() => {})
  parser.parse([...argv], { from: 'user' })
  return { args: parser.args, options: parser.opts() }
}

/** How a command asks for its options. */
export interface OptionReader {
  /** The value of an option by its long name, `undefined` where it was not given. */
  readonly option: (name: string) => string | undefined
  readonly flag: (name: string) => boolean
  readonly number: (name: string) => number | undefined
}

export const optionReader = ({ options }: Parsed): OptionReader => ({
  option: (name) => options[optionKey(name)] as string | undefined,
  flag: (name) => options[optionKey(name)] === true,
  number: (name) => options[optionKey(name)] as number | undefined,
})

export function argumentSyntax({ name, optional = false, variadic = false }: Argument): string {
  const inner = variadic ? `${name}...` : name
  return optional ? `[${inner}]` : `<${inner}>`
}

function toCommander({ flags, help, parse }: CommandOption): Option {
  const option = new Option(flags, help)
  if (parse !== undefined) {
    option.argParser((text: string) => {
      try {
        return parse(text)
      } catch (error) {
        throw new InvalidArgumentError((error as Error).message)
      }
    })
  }
  return option
}

/** Digits alone; `Number` would take `1e3` and `0x10` as well. */
export function parseNatural(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new Error('is not a number')
  return Number(text)
}

export function parseInteger(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw new Error('is not a number')
  return Number(text)
}
