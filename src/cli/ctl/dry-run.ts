import { HttpApi } from '../api/http.ts'
import type { Terminal } from '../terminal.ts'

/** Thrown where a command would begin to do something. */
export class DryRunEnd extends Error {
  constructor() {
    super('nothing is done')
  }
}

/** The HTTP API of a command that is not to do anything: it tells the name of the node, for what is said before. */
export class DryRunApi extends HttpApi {
  override async send(method: string, path: string): Promise<unknown> {
    if (method === 'GET' && path === '/overview') return super.send(method, path)
    throw new DryRunEnd()
  }

  override stream(): Promise<never> {
    return Promise.reject(new DryRunEnd())
  }
}

/** Writes, and asks nobody for anything. */
export const dryRunTerminal = (terminal: Terminal): Terminal => ({
  print: (line) => terminal.print(line),
  write: (text) => terminal.write(text),
  printError: (line) => terminal.printError(line),
  progress: (line) => terminal.progress(line),
  endProgress: () => terminal.endProgress(),
  bold: (text) => terminal.bold(text),
  isTerminal: terminal.isTerminal,
  readInput: () => Promise.reject(new DryRunEnd()),
  readSecret: () => Promise.reject(new DryRunEnd()),
})
