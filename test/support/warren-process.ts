import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const main = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** `warren …` in a process of its own. */
export class WarrenProcess {
  readonly pid: number
  stdout = ''
  stderr = ''
  readonly exited: Promise<Exit>
  readonly #child
  #onOutput: () => void = () => {}

  constructor(args: readonly string[], { env = {}, cwd, openFilesMax }: WarrenOptions) {
    // Nothing of the environment of the tests but what finds programs: a WARREN_ variable there must not matter.
    // Only AMQP unless a test wants more: the well-known ports of other protocols are there once for all tests.
    const command = [process.execPath, main, ...args]
    const limited = ['sh', '-c', `ulimit -n ${openFilesMax}; exec "$0" "$@"`, ...command]
    const [program, ...words] = openFilesMax === undefined ? command : limited
    const child = spawn(program!, words, {
      cwd,
      env: { PATH: process.env['PATH'], HOME: tmpdir(), WARREN_PROTOCOLS: 'amqp', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.pid = child.pid!
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      this.#onOutput()
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  }

  /** Resolves once the broker says that it is ready; rejects with what it said instead. */
  async ready(): Promise<this> {
    const said = new Promise<boolean>((resolve) => {
      this.#onOutput = () => {
        if (/^WarrenMQ is ready/m.test(this.stdout)) resolve(true)
      }
      this.#onOutput()
    })
    if (await Promise.race([said, this.exited.then(() => false)])) return this
    throw new Error(`the broker ended before it was ready:\n${this.stderr}${this.stdout}`)
  }

  /** An address that it announced: `AMQP`, `AMQP over TLS` or `WebSocket`. */
  url(label: string): string {
    const row = this.stdout.split('\n').find((line) => line.trimStart().startsWith(`${label} `) && line.includes('://'))
    assert.ok(row !== undefined, `${label} in\n${this.stdout}`)
    return row.trim().split(/\s+/).at(-1)!
  }

  port(label = 'AMQP'): number {
    return Number(new URL(this.url(label)).port)
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.kill(signal)
    return this.exited
  }
}

export interface WarrenOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** The operating system's limit of open files. */
  readonly openFilesMax?: number
}

/** Runs a command that ends by itself. */
export async function runWarren(
  t: TestContext,
  args: readonly string[],
  options: WarrenOptions = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const warren = new WarrenProcess(args, options)
  t.after(() => warren.stop('SIGKILL'))
  const exit = await warren.exited
  return { ...exit, stdout: warren.stdout, stderr: warren.stderr }
}

/** `warren start` on free ports, in memory unless the flags name a data directory; gone when the test is over. */
export async function startWarren(
  t: TestContext,
  flags: readonly string[] = [],
  options: WarrenOptions = {},
): Promise<WarrenProcess> {
  const ports = ['--port', '0', '--management-port', '0', '--prometheus-port', 'none']
  const where = flags.includes('--data-dir') ? [] : ['--memory']
  const warren = new WarrenProcess(['start', ...ports, ...where, ...flags], options)
  t.after(() => warren.stop('SIGKILL'))
  return warren.ready()
}

/** A new empty folder, gone when the test is over. */
export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'warren-test-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
