import type { Terminal } from '../terminal.ts'
import { SECTIONS, type CtlCommand, type Tool } from './command.ts'
import { definitions } from '../definitions.ts'
import { argumentSyntax, flagNames } from '../parse.ts'
import { GLOBAL_OPTIONS } from './parse.ts'

/** How the tools are called here. */
const programName = (tool: Tool): string => `warren ${tool}`

function commandUsage(command: CtlCommand, tool: Tool): string {
  const parts = [
    `${programName(tool)} [--url <url>] [--quiet] ${command.name}`,
    ...(command.takesVhost === true ? ['[--vhost <vhost>]'] : []),
    ...(command.options ?? []).map(({ flags }) => `[${flagNames(flags).toReversed().join('|')}${valueOf(flags)}]`),
    ...(command.arguments ?? []).map((argument) =>
      argumentSyntax(argument).replace(/^([<[])(.*)\.\.\.([>\]])$/, (_, open: string, name: string, close: string) =>
        open === '[' ? `[<${name}> ...]` : `${open}${name}${close} [...]`,
      ),
    ),
  ]
  return parts.join(' ')
}

function valueOf(flags: string): string {
  const value = /<[^>]+>/.exec(flags)
  return value === null ? '' : ` ${value[0]}`
}

export function usageText(command: CtlCommand, tool: Tool, terminal: Terminal): string {
  return `\n${terminal.bold('Usage')}\n\n${commandUsage(command, tool)}`
}

/** What `warren ctl help COMMAND` prints. */
export function commandHelp(command: CtlCommand, tool: Tool, terminal: Terminal): string {
  const rows: [string, string][] = []
  for (const argument of command.arguments ?? []) rows.push([argumentSyntax(argument), argument.help])
  if (command.columns !== undefined) rows.push(['<column>', `one of ${command.columns.join(', ')}`])
  for (const { flags, help } of command.options ?? []) rows.push([flags, help])
  const parts = [usageText(command, tool, terminal), '', `${command.summary}.`]
  if (rows.length > 0) parts.push('', terminal.bold('Arguments and Options'), '', definitions(rows))
  if (command.examples !== undefined) {
    const lines = command.examples.map((example) => `  ${programName(tool)} ${example}`)
    parts.push('', terminal.bold('Examples'), '', ...lines)
  }
  parts.push(
    '',
    terminal.bold('General Options'),
    '',
    definitions(GLOBAL_OPTIONS.map(({ flags, help }) => [flags, help])),
  )
  return parts.join('\n')
}

const HELP = { name: 'help', section: 'Help', summary: 'Shows how a command is used' } as const

/** What `warren ctl help` prints. */
export function overview(all: readonly CtlCommand[], tool: Tool, terminal: Terminal): string {
  const offered = all.filter(({ isRefused }) => isRefused !== true)
  const refused = all.filter(({ isRefused }) => isRefused === true).map(({ name }) => name)
  const commands: readonly Pick<CtlCommand, 'name' | 'section' | 'summary'>[] = [...offered, HELP]
  const width = Math.max(...commands.map(({ name }) => name.length))
  const sections = SECTIONS.flatMap((section) => {
    const found = commands.filter((command) => command.section === section)
    if (found.length === 0) return []
    const lines = found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    return [
      `${terminal.bold(section)}:`,
      '',
      ...lines.map(({ name, summary }) => `   ${name.padEnd(width)}  ${summary}`),
      '',
    ]
  })
  return [
    '',
    terminal.bold('Usage'),
    '',
    `${programName(tool)} [--url <url>] [--timeout <seconds>] [--quiet] <command> [<command options>]`,
    '',
    'Available commands:',
    '',
    ...sections,
    ...(refused.length === 0
      ? []
      : [`${terminal.bold('Without meaning here')} (each says why):`, '', ...wrap(refused.toSorted()), '']),
    `Use '${programName(tool)} help <command>' to learn more about a specific command`,
  ].join('\n')
}

const LINE_WIDTH = 100

/** Words in lines, with commas between them. */
function wrap(words: readonly string[]): string[] {
  const lines: string[] = []
  for (const word of words) {
    const last = lines.at(-1)
    if (last === undefined || last.length + word.length + 2 > LINE_WIDTH) lines.push(`   ${word},`)
    else lines[lines.length - 1] = `${last} ${word},`
  }
  return lines.map((line, i) => (i === lines.length - 1 ? line.replace(/,$/, '') : line))
}
