import type { Argument, CommandOption, CommandSpec, Completion } from '../command-spec.ts'
import { flagNames, optionKey } from '../parse.ts'

/** A command as completion sees it: with the options that it shares with others. */
export interface CompletedCommand {
  readonly spec: CommandSpec
  /** Besides its own, which go before these. */
  readonly common: readonly CommandOption[]
}

/** What the word under the cursor is. */
export type Position =
  | { readonly kind: 'option' }
  /** The value of an option; `prefix` stands before it in the same word, as in `--formatter=`. */
  | { readonly kind: 'value'; readonly option: CommandOption; readonly prefix: string }
  | { readonly kind: 'argument'; readonly argument: Argument | null; readonly before: readonly string[] }

export interface Reading {
  readonly position: Position
  /** Values of the options that were given before, by the key of their long name. */
  readonly given: Readonly<Record<string, string | true>>
}

export const optionsOf = ({ spec, common }: CompletedCommand): readonly CommandOption[] => [
  ...(spec.options ?? []),
  ...common,
]

/**
 * Where in a command line one is.
 *
 * @param before the words after the name of the command, without the last
 * @param current the word under the cursor, up to it
 */
export function readPosition(command: CompletedCommand, before: readonly string[], current: string): Reading {
  const options = optionsOf(command)
  const find = (flag: string): CommandOption | undefined => options.find(({ flags }) => flagNames(flags).includes(flag))
  const given: Record<string, string | true> = {}
  const words: string[] = []
  let pending: CommandOption | null = null
  let ended = false
  for (const word of before) {
    const [flag, inline] = split(word)
    const option = ended || !word.startsWith('-') ? undefined : find(flag)
    if (pending !== null) {
      given[keyOf(pending)] = word
      pending = null
    } else if (!ended && word === '--') {
      ended = true
    } else if (option === undefined) {
      if (ended || !word.startsWith('-')) words.push(word)
    } else if (takesValue(option) && inline === null) {
      pending = option
    } else {
      given[keyOf(option)] = inline ?? true
    }
  }
  return { position: positionOf(), given }

  function positionOf(): Position {
    if (pending !== null) return { kind: 'value', option: pending, prefix: '' }
    if (!ended && current.startsWith('-')) {
      const [flag, inline] = split(current)
      const option = inline === null ? undefined : find(flag)
      return option === undefined ? { kind: 'option' } : { kind: 'value', option, prefix: `${flag}=` }
    }
    return { kind: 'argument', argument: argumentAt(command.spec, words.length), before: words }
  }
}

function split(word: string): [flag: string, inline: string | null] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at < 0 ? [word, null] : [word.slice(0, at), word.slice(at + 1)]
}

/** `<value>` has to follow, `[value]` may. */
const takesValue = ({ flags }: CommandOption): boolean => flags.includes('<')

const keyOf = ({ flags }: CommandOption): string => optionKey(flagNames(flags).at(-1)!.replace(/^--?/, ''))

function argumentAt({ arguments: all = [] }: CommandSpec, index: number): Argument | null {
  const last = all.at(-1)
  return all[index] ?? (last?.variadic === true ? last : null)
}

/** What the word under the cursor names; null where it is free text. */
export function completionAt({ position }: Reading): Completion | null {
  if (position.kind === 'value') return position.option.completion ?? null
  if (position.kind === 'argument') return position.argument?.completion ?? null
  return null
}
