import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'

export interface Command {
  readonly program: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Why a test cannot run here, or false: whether `command`, which should do nothing much, succeeds. */
export function missing(what: string, { program, args, env }: Command): string | false {
  const options = { encoding: 'utf8', env: { ...process.env, ...env }, timeout: 60_000 } as const
  const { status, error } = spawnSync(program, args, options)
  return status === 0 ? false : `${what} is not installed (${error?.message ?? `${program} ended with ${status}`})`
}

/** Debian's packages are for Debian's interpreter, which need not be the first in the path. */
export const PYTHON = spawnSync('/usr/bin/python3', ['-c', '']).status === 0 ? '/usr/bin/python3' : 'python3'

/** One line of output: what a program found out about one part of what it tries. */
export interface Answer {
  readonly part: string
  readonly value: unknown
}

export interface RunOptions {
  /** Called for each answer as it comes. */
  readonly onAnswer?: (answer: Answer) => void
  readonly timeoutMs?: number
}

/** Runs a program that prints an answer per line, as JSON. @throws with what it printed last when it fails */
export async function runProgram({ program, args, env }: Command, options: RunOptions = {}): Promise<Answer[]> {
  // A group of its own, so that whatever it has started ends with it.
  const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe']
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio, detached: true })
  const killAll = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    } catch {
      // Nothing of it is left.
    }
  }
  const { promise: ended, resolve, reject } = Promise.withResolvers<string>()
  child.once('error', reject)
  child.once('close', (code, signal) => resolve(code === 0 ? '' : `ended with ${signal ?? code}`))
  const timer = setTimeout(killAll, options.timeoutMs ?? 100_000)
  let complaints = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-4000)))
  const answers: Answer[] = []
  const lines = createInterface({ input: child.stdout })
  lines.on('line', (line) => {
    try {
      const answer = JSON.parse(line) as Answer
      answers.push(answer)
      options.onAnswer?.(answer)
    } catch {
      complaints = `${complaints}${line}\n`.slice(-4000)
    }
  })
  try {
    const failure = await ended
    if (failure === '') return answers
    throw new Error(`${program} ${failure} after ${answers.at(-1)?.part ?? 'no answer'}:\n${complaints}`)
  } finally {
    clearTimeout(timer)
    killAll()
  }
}

export interface Outcome {
  /** Null: killed, because it took too long. */
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs a program to its end. What it printed comes without the last line break. */
export async function execute({ program, args, env }: Command, input = ''): Promise<Outcome> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000)
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  // A program that ends before it has read everything is judged by its exit code.
  child.stdin.on('error', () => {}).end(input)
  const { promise, resolve, reject } = Promise.withResolvers<number | null>()
  child.once('error', reject)
  child.once('close', resolve)
  try {
    const code = await promise
    return { code, out: out.replace(/\n$/, ''), err: err.replace(/\n$/, '') }
  } finally {
    clearTimeout(timer)
  }
}

/** @throws when the program fails */
export async function outputOf(command: Command, input = ''): Promise<string> {
  const { code, out, err } = await execute(command, input)
  if (code !== 0) throw new Error(`${command.program} ended with ${code}: ${err || out}`)
  return out
}

/** Where the Go packages of Debian are, without a module and without a network. */
export const GO_ENVIRONMENT = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' }

/** @throws with what the compiler says */
export function buildGo(source: string, program: string): void {
  const options = { encoding: 'utf8', env: { ...process.env, ...GO_ENVIRONMENT }, timeout: 300_000 } as const
  const { status, stderr, error } = spawnSync('go', ['build', '-o', program, source], options)
  if (status !== 0) throw new Error(`go build ${source}: ${error?.message ?? stderr}`)
}
