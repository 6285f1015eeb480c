// The broker under a backlog bench: a process of its own whose memory is looked at ten times a second.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeFlags } from './node-flags.ts'

const SAMPLE_MS = 100
const here = dirname(fileURLToPath(import.meta.url))
const main = join(here, '..', '..', 'src', 'main.ts')

export class BenchBroker {
  #child
  #gone
  #sampler
  #peak = 0
  url = ''
  port = 0

  /** Resolves when it is ready. Without a data directory it keeps everything in memory; `watched` is for `longestTurn`. */
  static async start(dataDir, flags, watched = false) {
    const broker = new BenchBroker()
    const where = dataDir === null ? ['--memory'] : ['--data-dir', dataDir]
    const args = [
      'start',
      '--port',
      '0',
      '--management-port',
      '0',
      '--prometheus-port',
      'none',
      '--log-level',
      'warn',
      ...where,
      ...flags,
    ]
    const watch = watched ? ['--import', join(here, 'turn-watch.mjs')] : []
    const stdio = ['ignore', 'pipe', 'inherit', ...(watched ? ['ipc'] : [])]
    broker.#child = spawn(process.execPath, [...nodeFlags, ...watch, main, ...args], { stdio })
    broker.#gone = new Promise((resolve) => broker.#child.once('close', resolve))
    broker.#sampler = setInterval(() => broker.#sample(), SAMPLE_MS)
    broker.port = await new Promise((resolve, reject) => {
      let text = ''
      broker.#child.stdout.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
        if (text.includes('is ready')) resolve(Number(/amqp:\/\/[^\s:]+:(\d+)/.exec(text)[1]))
      })
      void broker.#gone.then(() => reject(new Error(`the broker did not start:\n${text}`)))
    })
    broker.url = `amqp://guest:guest@127.0.0.1:${broker.port}`
    return broker
  }

  get pid() {
    return this.#child.pid
  }

  /** Resident bytes at this moment; 0 when the process is gone. */
  now() {
    try {
      const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'))
      return Number(kilobytes) * 1024
    } catch {
      return 0
    }
  }

  #sample() {
    this.#peak = Math.max(this.#peak, this.now())
  }

  /** The most since it was asked last. */
  peak() {
    this.#sample()
    const peak = this.#peak
    this.#peak = 0
    return peak
  }

  /** The longest turn of its event loop since it was asked last, in ms: by the clock, and what of it was work. */
  async longestTurn() {
    this.#child.send('take')
    const [{ wallMs, cpuMs }] = await once(this.#child, 'message')
    return `${wallMs.toFixed(1)} (work ${cpuMs.toFixed(1)})`
  }

  async stop(how) {
    clearInterval(this.#sampler)
    this.#child.kill(how === 'kill' ? 'SIGKILL' : 'SIGTERM')
    await this.#gone
  }

  destroy() {
    clearInterval(this.#sampler)
    this.#child.kill('SIGKILL')
  }
}

/** What the files of a folder take on disk. */
export function diskMiB(folder) {
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue
    try {
      bytes += lstatSync(join(entry.parentPath, entry.name)).blocks * 512
    } catch {
      continue // gone meanwhile
    }
  }
  return (bytes / 1024 / 1024).toFixed(1)
}
