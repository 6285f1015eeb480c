import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { CliError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import type { PerfConfig } from './config.ts'
import type { Sample } from './counters.ts'
import { Load, type Share } from './load.ts'
import { workerScript } from '../../util/worker-script.ts'

/** Producers and consumers, in this thread or in several of their own. */
export interface Loads {
  /** As `Load.finished`, for all of them. */
  readonly finished: Promise<unknown>
  start(): void
  /** One for each thread. */
  sample(): Promise<readonly Sample[]>
  close(): Promise<void>
}

export type WorkerRequest = 'start' | 'sample' | 'close'
export type WorkerReply =
  | { readonly kind: 'prepared' | 'finished' | 'closed' }
  | { readonly kind: 'sample'; readonly sample: Sample }
  | { readonly kind: 'failed'; readonly text: string }

export interface WorkerInput {
  readonly config: PerfConfig
  readonly share: Share
}

export async function prepareLoads(config: PerfConfig): Promise<Loads> {
  if (config.threads > 1) return prepareThreads(config)
  const load = new Load(config, { thread: 0, threads: 1 })
  try {
    await load.prepare()
  } catch (error) {
    await load.close()
    throw error
  }
  return {
    finished: load.finished,
    start: () => load.start(),
    sample: () => Promise.resolve([load.sample()]),
    close: () => load.close(),
  }
}

async function prepareThreads(config: PerfConfig): Promise<Loads> {
  const { threads } = config
  const all = Array.from({ length: threads }, (_, thread) => new Thread({ config, share: { thread, threads } }))
  const close = async (): Promise<void> => {
    await Promise.all(all.map((thread) => thread.close()))
  }
  try {
    await Promise.all(all.map((thread) => thread.prepared))
  } catch (error) {
    await close()
    throw error
  }
  return {
    finished: Promise.all(all.map((thread) => thread.finished)),
    start: () => all.forEach((thread) => thread.start()),
    sample: () => Promise.all(all.map((thread) => thread.sample())),
    close,
  }
}

/** A `Load` in a thread of its own. */
class Thread {
  readonly prepared: Promise<void>
  readonly finished: Promise<void>
  readonly #worker: Worker
  /** Who waits for a sample; they are answered in order. */
  readonly #samplers: ((sample: Sample) => void)[] = []

  constructor(input: WorkerInput) {
    const script = workerScript('load-worker', import.meta.url)
    this.#worker = new Worker(script, { workerData: input, execArgv: [] })
    const prepared = Promise.withResolvers<void>()
    const finished = Promise.withResolvers<void>()
    this.prepared = prepared.promise
    this.finished = finished.promise
    this.finished.catch(() => {}) // whoever waits for it hears of it
    const fail = (error: Error): void => {
      prepared.reject(error)
      finished.reject(error)
    }
    this.#worker.on('error', (error) => fail(error as Error))
    this.#worker.on('message', (reply: WorkerReply) => {
      if (reply.kind === 'prepared') prepared.resolve()
      else if (reply.kind === 'finished') finished.resolve()
      else if (reply.kind === 'sample') this.#samplers.shift()!(reply.sample)
      else if (reply.kind === 'failed') fail(new CliError(EXIT.unavailable, reply.text))
    })
  }

  start(): void {
    this.#send('start')
  }

  sample(): Promise<Sample> {
    this.#send('sample')
    return new Promise((resolve) => this.#samplers.push(resolve))
  }

  async close(): Promise<void> {
    this.#send('close')
    await once(this.#worker, 'exit')
  }

  #send(request: WorkerRequest): void {
    this.#worker.postMessage(request)
  }
}
