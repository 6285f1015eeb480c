import { resolveTarget, TARGET_OPTIONS, type TargetOptions } from '../api/target.ts'
import type { Completion } from '../command-spec.ts'
import type { Tool as CtlTool } from '../ctl/command.ts'
import { findCommand, GLOBAL_OPTIONS } from '../ctl/parse.ts'
import { COMMANDS } from '../ctl/registry.ts'
import { CliError } from '../errors.ts'
import type { CliHost } from '../host.ts'
import { flagNames, optionKey } from '../parse.ts'
import { TOOLS } from '../tools/index.ts'
import { commonOptions } from '../tools/tool.ts'
import { CTL_NAMES, TOP_COMMANDS } from '../top-commands.ts'
import { candidatesOf, type Candidate, type Candidates } from './candidates.ts'
import { completionAt, optionsOf, readPosition, type CompletedCommand, type Reading } from './command-words.ts'
import { namesOf } from './names.ts'

/**
 * What a shell may offer.
 *
 * @param words what follows `warren` up to the cursor; the last one is being typed, and may be empty
 */
export async function complete(words: readonly string[], host: CliHost): Promise<Candidates> {
  const current = words.at(-1) ?? ''
  const [name, ...before] = words.slice(0, -1)
  const found = name === undefined ? TOP_COMMANDS : await within(name, before, current, host)
  if (found === 'files') return found
  return found.filter(({ word }) => word.startsWith(current))
}

async function within(name: string, before: readonly string[], current: string, host: CliHost): Promise<Candidates> {
  const ctl = CTL_NAMES.find((known) => known === name)
  if (ctl !== undefined) return withinCtl(ctl, before, current, host)
  if (Object.hasOwn(TOOLS, name)) {
    const spec = await TOOLS[name]!()
    return withinCommand({ spec, common: commonOptions(spec) }, before, current, host)
  }
  const spec = host.commands().find((command) => command.name === name)
  return spec === undefined ? [] : withinCommand({ spec, common: [] }, before, current, host)
}

async function withinCtl(
  tool: CtlTool,
  before: readonly string[],
  current: string,
  host: CliHost,
): Promise<Candidates> {
  const commands = COMMANDS.filter(({ tools }) => tool === 'ctl' || tools.includes(tool))
  const byName = new Map(commands.map((command) => [command.name, command]))
  const { name, rest } = findCommand(before, (word) => word === 'help' || byName.has(word))
  const names = (): Candidate[] =>
    commands
      .filter(({ isRefused }) => isRefused !== true)
      .map(({ name: word, summary: help }) => ({ word, help }))
      .concat({ word: 'help', help: 'Shows how a command is used' })
      .toSorted((a, b) => (a.word < b.word ? -1 : 1))
  const whole = { name: tool, summary: '', arguments: [{ name: 'command', help: '', completion: 'command' }] } as const
  if (name === null) return withinCommand({ spec: whole, common: GLOBAL_OPTIONS }, before, current, host, names)
  if (name === 'help') return rest.length === 0 ? names() : []
  const command = byName.get(name)
  if (command === undefined) return []
  return withinCommand({ spec: withColumns(command), common: GLOBAL_OPTIONS }, rest, current, host)
}

/** Columns are arguments, which each command checks in its own words. */
function withColumns(command: (typeof COMMANDS)[number]): CompletedCommand['spec'] {
  const { arguments: all = [], columns } = command
  const last = all.at(-1)
  if (columns === undefined || last === undefined || last.completion !== undefined) return command
  return { ...command, arguments: [...all.slice(0, -1), { ...last, completion: columns }] }
}

async function withinCommand(
  command: CompletedCommand,
  before: readonly string[],
  current: string,
  host: CliHost,
  commandNames: () => Candidate[] = () => [],
): Promise<Candidates> {
  const reading = readPosition(command, before, current)
  const { position } = reading
  if (position.kind === 'option') return optionCandidates(command)
  const prefix = position.kind === 'value' ? position.prefix : ''
  const completion = completionAt(reading)
  if (completion === null) return []
  if (completion === 'command') return commandNames()
  const words = await wordsOf(completion, current.slice(prefix.length), reading, { command, host })
  if (words === 'files') return words
  return words.map(({ word, help }) => ({ word: prefix + word, help }))
}

interface Asked {
  readonly command: CompletedCommand
  readonly host: CliHost
}

/** By their long names: the short ones are known, or looked up in the help. */
function optionCandidates(command: CompletedCommand): Candidate[] {
  const seen = new Map<string, Candidate>()
  for (const { flags, help } of optionsOf(command)) {
    const word = flagNames(flags).at(-1)!
    if (!seen.has(word)) seen.set(word, { word, help })
  }
  return [...seen.values(), { word: '--help', help: 'show how the command is used' }]
}

async function wordsOf(
  completion: Exclude<Completion, 'command'>,
  prefix: string,
  { given, position }: Reading,
  { command, host }: Asked,
): Promise<Candidates> {
  if (completion === 'file') return 'files'
  if (typeof completion !== 'string') {
    const taken = new Set(position.kind === 'argument' ? position.before : [])
    return candidatesOf(completion.filter((word) => !taken.has(word)))
  }
  const vhost = typeof given['vhost'] === 'string' ? given['vhost'] : '/'
  try {
    const target = await resolveTarget(targetOptions(command, given), process.env, host.describeNode)
    return candidatesOf(await namesOf(completion, prefix, vhost, target))
  } catch (error) {
    // the address is wrong, or half of it: the command itself will say so
    if (error instanceof CliError) return []
    throw error
  }
}

const TARGET_KEYS = ['node', ...TARGET_OPTIONS.map(([flags]) => optionKey(flagNames(flags)[0]!.slice(2)))]

/** An option of the command's own that is called like one of these is not about signing in. */
function targetOptions({ spec }: CompletedCommand, given: Reading['given']): TargetOptions {
  const own = new Set((spec.options ?? []).map(({ flags }) => optionKey(flagNames(flags).at(-1)!.replace(/^--?/, ''))))
  const keys = TARGET_KEYS.filter((key) => given[key] !== undefined && !own.has(key))
  return Object.fromEntries(keys.map((key) => [key, given[key]]))
}
