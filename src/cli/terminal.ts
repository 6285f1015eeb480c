import { stripVTControlCharacters, styleText } from 'node:util'

/** What a command reads from and writes to; the only place that knows about terminals. */
export interface Terminal {
  /** Text for whoever asked: a line feed is added. */
  print(line: string): void
  /** The same without a line feed. */
  write(text: string): void
  /** Text beside the result: errors, progress. */
  printError(line: string): void
  /** Overwrites the last progress line; on what is no terminal nothing is written. */
  progress(line: string): void
  /** Ends the progress line, if there is one. */
  endProgress(): void
  bold(text: string): string
  /** All of standard input. */
  readInput(): Promise<Buffer>
  /** A line typed without being shown, or the first line of what comes through a pipe; null when there is none. */
  readSecret(prompt: string): Promise<string | null>
  readonly isTerminal: boolean
}

export function openTerminal(): Terminal {
  const { stdout, stderr, stdin } = process
  // Whoever reads may stop reading, as `head` does: then there is nobody left to write for.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  let progressWidth = 0
  const clearProgress = (): void => {
    if (progressWidth > 0) stderr.write(`\r${' '.repeat(progressWidth)}\r`)
    progressWidth = 0
  }
  return {
    print: (line) => void stdout.write(`${line}\n`),
    write: (text) => void stdout.write(text),
    printError(line) {
      clearProgress()
      stderr.write(`${line}\n`)
    },
    progress(line) {
      if (!stderr.isTTY) return
      clearProgress()
      progressWidth = stripVTControlCharacters(line).length
      stderr.write(line)
    },
    endProgress: clearProgress,
    bold: (text) => (stdout.isTTY ? styleText('bold', text, { stream: stdout }) : text),
    async readInput() {
      const chunks: Buffer[] = []
      for await (const chunk of stdin) chunks.push(chunk as Buffer)
      return Buffer.concat(chunks)
    },
    readSecret: (prompt) => (stdin.isTTY ? typedSecret(prompt) : pipedSecret()),
    isTerminal: stdout.isTTY,
  }
}

async function pipedSecret(): Promise<string | null> {
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string
    if (text.includes('\n')) break
  }
  return text === '' ? null : text.split(/\r?\n/, 1)[0]!
}

/** Reads keys one by one, since the terminal would show them otherwise. */
function typedSecret(prompt: string): Promise<string | null> {
  const { stdin, stderr } = process
  stderr.write(prompt)
  stdin.setRawMode(true)
  stdin.setEncoding('utf8')
  return new Promise((resolve) => {
    let typed = ''
    const end = (result: string | null): void => {
      stdin.off('data', onData)
      stdin.setRawMode(false)
      stdin.pause()
      stderr.write('\n')
      resolve(result)
    }
    const onData = (keys: string): void => {
      for (const key of keys) {
        if (key === '\r' || key === '\n') return end(typed)
        if (key === '\u0003' || (key === '\u0004' && typed === '')) return end(null)
        if (key === '\u007f' || key === '\b') typed = typed.slice(0, -1)
        else if (key >= ' ') typed += key
      }
    }
    stdin.on('data', onData)
  })
}
