import type { Terminal } from '../../../src/cli/terminal.ts'

/** A terminal that keeps what is written to it. */
export interface BufferTerminal extends Terminal {
  stdout: string
  stderr: string
}

/** @param input standard input */
export function bufferTerminal(input = ''): BufferTerminal {
  return {
    stdout: '',
    stderr: '',
    print(line) {
      this.stdout += `${line}\n`
    },
    write(text) {
      this.stdout += text
    },
    printError(line) {
      this.stderr += `${line}\n`
    },
    progress() {},
    endProgress() {},
    bold: (text) => text,
    readInput: () => Promise.resolve(Buffer.from(input)),
    readSecret: () => Promise.resolve(input === '' ? null : input.split('\n')[0]!),
    isTerminal: false,
  }
}
