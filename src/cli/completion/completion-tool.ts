import { UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import type { Tool } from '../tools/tool.ts'
import { readScript, SHELLS, type Shell } from './scripts.ts'

export const completionTool: Tool = {
  name: 'completion',
  summary: 'Prints what makes a shell complete commands, options, and names of queues, users and so on',
  description: `Names come from the node that --url, --vhost and the like before the cursor say, or WARREN_URL. bash needs
nothing besides; zsh needs compinit to have run.`,
  arguments: [{ name: 'shell', help: SHELLS.join(', '), completion: SHELLS }],
  examples: [
    'completion bash > ~/.local/share/bash-completion/completions/warren',
    'completion zsh > "${fpath[1]}/_warren"',
    'completion fish > ~/.config/fish/completions/warren.fish',
  ],
  run({ args, terminal }) {
    const shell = args[0] as Shell
    if (!SHELLS.includes(shell))
      throw new UsageError(`there is no completion for '${shell}', but for ${SHELLS.join(', ')}`)
    terminal.write(readScript(shell))
    return Promise.resolve(EXIT.ok)
  },
}
