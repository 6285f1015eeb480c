import type { CommandOption } from '../command-spec.ts'
import { definitions } from '../definitions.ts'
import { argumentSyntax } from '../parse.ts'
import type { Terminal } from '../terminal.ts'
import type { Tool } from './tool.ts'

/** What `warren TOOL --help` prints. */
export function toolHelp(tool: Tool, terminal: Terminal, common: readonly CommandOption[]): string {
  const words = (tool.arguments ?? []).map(argumentSyntax)
  const parts = [
    `${terminal.bold('Usage:')} warren ${[tool.name, ...words].join(' ')} [options]`,
    '',
    `${tool.summary}.`,
  ]
  if (tool.description !== undefined) parts.push('', tool.description)
  const rows: [string, string][] = (tool.arguments ?? []).map((argument) => [argumentSyntax(argument), argument.help])
  if (rows.length > 0) parts.push('', terminal.bold('Arguments:'), definitions(rows))
  const options = [...(tool.helpOptions ?? tool.options ?? []), { flags: '-?, --help', help: 'show this text' }]
  parts.push('', terminal.bold('Options:'), definitions(options.map(({ flags, help }) => [flags, help])))
  if (common.length > 0) {
    parts.push('', terminal.bold('Options for the node:'), definitions(common.map(({ flags, help }) => [flags, help])))
  }
  if (tool.examples !== undefined)
    parts.push('', terminal.bold('Examples:'), ...tool.examples.map((line) => `  warren ${line}`))
  return parts.join('\n')
}
