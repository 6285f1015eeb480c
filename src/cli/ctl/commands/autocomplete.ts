import type { CtlCommand } from '../command.ts'
import { table } from '../output.ts'

/** @param all every command there is */
export const autocompleteCommand = (all: () => readonly CtlCommand[]): CtlCommand => ({
  name: 'autocomplete',
  section: 'Help',
  tools: ['diagnostics', 'queues', 'plugins', 'upgrade', 'streams'],
  summary: 'Lists commands by how they begin, for scripts that complete them; warren completion does more',
  arguments: [{ name: 'prefix', help: 'how they begin' }],
  run({ args, formatter, tool }) {
    const prefix = args[0]!
    const names = all()
      .filter(({ isRefused, tools }) => isRefused !== true && (tool === 'ctl' || tools.includes(tool)))
      .map(({ name }) => name)
      .filter((name) => name.startsWith(prefix) && name !== prefix)
      .toSorted()
    if (names.length === 0 && formatter === null) return undefined
    return {
      ...table(
        ['message'],
        names.map((message) => ({ message })),
      ),
      text: names.join('\n'),
    }
  },
})
