import { EXIT } from '../exit-codes.ts'
import type { CliHost } from '../host.ts'
import type { Terminal } from '../terminal.ts'
import { complete } from './complete.ts'

/** In place of candidates: the shell is to offer files. A word cannot begin so, since none has a colon in front. */
const FILES = ':files'

/**
 * Answers a script of `warren completion`: a line for each candidate, with its help after a tab.
 *
 * @param argv the name of the shell, and the words of the command line up to the cursor, without `warren`
 * @returns the exit code
 */
export async function answerShell(argv: readonly string[], host: CliHost, terminal: Terminal): Promise<number> {
  const [shell, ...words] = argv
  const candidates = await complete(shell === 'bash' ? words.map(unquote) : words, host)
  if (candidates === 'files') terminal.print(FILES)
  else for (const { word, help } of candidates) terminal.print(help === '' ? word : `${word}\t${help}`)
  return EXIT.ok
}

/** bash hands words on as they were typed: `'my queue'`, `my\ queue`, `"my q` with the quote still open. */
function unquote(word: string): string {
  return word.replaceAll(QUOTED, (_, ...groups: readonly (string | undefined)[]) => {
    const [escaped, single, double = ''] = groups
    return escaped ?? single ?? double.replaceAll(/\\(["\\$`])/g, '$1')
  })
}

const QUOTED = /\\(.)|'([^']*)(?:'|$)|"((?:[^"\\]|\\.)*)(?:"|$)/g
