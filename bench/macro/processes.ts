import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const STOP_MS = 20_000
const OUTPUT_MAX = 16_384
/** Of the times in /proc: the kernel's USER_HZ, which is 100 wherever Node.js runs. */
const TICKS_PER_SECOND = 100

const running = new Set<BackgroundProcess>()
const folders = new Set<string>()
const lastActions = new Set<() => void>()
process.once('exit', () => {
  for (const child of running) child.kill()
  for (const action of lastActions) action()
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
})
// What was started leads groups of its own, which Ctrl-C does not reach.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

/** Is called when this process ends, however that is, after everything that was started has been told to. */
export function atExit(action: () => void): void {
  lastActions.add(action)
}

/** A folder that is removed when this process ends, with all that was started in it. */
export function scratchFolder(name: string, parent: string = tmpdir()): string {
  const folder = mkdtempSync(join(parent, `warren-${name}-`))
  folders.add(folder)
  return folder
}

/**
 * Compiles one of the load generators beside this file.
 *
 * @param name of the C file, without its ending
 * @param options more of the compiler's
 * @returns the path of the program; null where there is no C compiler
 */
export function compileLoader(name: string, folder: string, options: readonly string[] = []): string | null {
  const program = join(folder, name)
  const compiler = process.env.CC ?? 'cc'
  try {
    execFileSync(compiler, ['--version'], { stdio: 'ignore' })
  } catch {
    return null
  }
  const args = ['-O2', '-pthread', '-o', program, join(here, `${name}.c`), '-lm', ...options]
  execFileSync(compiler, args, { stdio: 'inherit' })
  return program
}

/** A TCP port of 127.0.0.1 that was free a moment ago, for programs that cannot be told to choose one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A program that runs while it is measured; it leads a process group, so that its children end with it. */
export class BackgroundProcess {
  readonly #child: ChildProcess
  readonly #gone: Promise<void>
  #output = ''

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(command, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    running.add(this)
    for (const stream of [this.#child.stdout!, this.#child.stderr!]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        this.#output = (this.#output + chunk).slice(-OUTPUT_MAX)
      })
    }
    this.#gone = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#output += String(error)
        resolve()
      })
      this.#child.once('close', () => resolve())
    })
    void this.#gone.then(() => running.delete(this))
  }

  get pid(): number {
    return this.#child.pid!
  }

  /** Its last output, standard error included. */
  get output(): string {
    return this.#output
  }

  get isGone(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  /** Processor time that it and its children have used, in ms to 10; 0 where the system has no /proc. */
  cpuMs(): number {
    let ticks = 0
    for (const pid of processIds()) {
      const fields = statOf(pid)
      if (fields !== null && Number(fields[2]) === this.#child.pid) ticks += Number(fields[11]) + Number(fields[12])
    }
    return (ticks * 1000) / TICKS_PER_SECOND
  }

  /** Resolves with the first match in its output. @throws Error with the output when it ends before. */
  async waitForOutput(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.#output)
      if (match !== null) return match
      if (this.isGone) throw new Error(`${this.#child.spawnfile} ended:\n${this.#output}`)
      await Promise.race([once(this.#child.stdout!, 'data'), this.#gone])
    }
  }

  /** Asks it to end, and makes it end after 20 seconds. */
  async stop(): Promise<void> {
    if (!this.isGone) this.#child.kill('SIGTERM')
    const deadline = setTimeout(() => this.kill(), STOP_MS)
    await this.#gone
    clearTimeout(deadline)
  }

  /** Ends it and its children at once. */
  kill(): void {
    if (this.#child.pid === undefined) return
    try {
      process.kill(-this.#child.pid, 'SIGKILL')
    } catch {
      // gone already
    }
  }
}

function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** What follows the name in /proc/PID/stat: state, parent, process group, and so on (proc(5)). Null when it is gone. */
function statOf(pid: string): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return text.slice(text.lastIndexOf(')') + 2).split(' ')
  } catch {
    return null
  }
}
