import { closeSync, mkdirSync, openSync } from 'node:fs'
import { open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Broker } from '../../core/broker.ts'
import { preconditionFailed } from '../../core/errors.ts'
import type { RecordedTrace, RecordedTraces, TraceRecord } from '../../core/tracing/recorded-traces.ts'
import type { VHost } from '../../core/vhost.ts'
import { TraceRecorder } from './trace-recorder.ts'
import { TraceWriter } from './trace-writer.ts'

const ENDING = '.log'
/** A name of a trace becomes that of a file: no path, and nothing hidden. */
const NAME = /^[\w ()@+=,-][\w ()@+=,.-]{0,199}$/
const TRACES_MAX = 100

interface Running {
  readonly trace: RecordedTrace
  readonly vhost: VHost
  readonly recorder: TraceRecorder
  readonly writer: TraceWriter
}

/** The traces of a broker, each of which writes to a file in one folder. They end with the broker; their files stay. */
export class Traces implements RecordedTraces {
  readonly #broker: Broker
  readonly #folder: string
  readonly #running = new Set<Running>()
  readonly #endListening: () => void

  /** @param folder absolute; made when there is something to write */
  constructor(broker: Broker, folder: string) {
    this.#broker = broker
    this.#folder = folder
    const endDeleted = (): void => {
      for (const running of this.#running) {
        if (broker.vhosts.get(running.vhost.name) !== running.vhost) void this.#end(running)
      }
    }
    this.#endListening = broker.events.listen(endDeleted, ['vhost.deleted'])
  }

  list(): RecordedTrace[] {
    return [...this.#running].map(({ trace }) => trace)
  }

  start(trace: RecordedTrace): void {
    const { name } = trace
    const vhost = this.#broker.findVhost(trace.vhost)
    if (!NAME.test(name))
      throw preconditionFailed(`'${name}' cannot be the name of a trace, since a file is called by it`)
    if (this.#running.size >= TRACES_MAX) throw preconditionFailed(`there are ${TRACES_MAX} traces already`)
    for (const { trace: other } of this.#running) {
      if (other.name === name) throw preconditionFailed(`there is a trace '${name}' already, in vhost '${other.vhost}'`)
    }
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw preconditionFailed(`the folder of traces cannot be made: ${(error as Error).message}`)
    }
    const path = join(this.#folder, name + ENDING)
    try {
      // as in RabbitMQ it is there at once; and who cannot write to it is told now, and not in the log only
      closeSync(openSync(path, 'a'))
    } catch (error) {
      throw preconditionFailed(`the file of the trace cannot be written: ${(error as Error).message}`)
    }
    const writer = new TraceWriter(path, this.#broker.limitedLog)
    const recorder = new TraceRecorder(this.#broker, trace, writer)
    vhost.observe(recorder)
    this.#running.add({ trace, vhost, recorder, writer })
  }

  async stop(vhost: string, name: string): Promise<boolean> {
    for (const running of this.#running) {
      if (running.trace.vhost !== vhost || running.trace.name !== name) continue
      await this.#end(running)
      return true
    }
    return false
  }

  async #end(running: Running): Promise<void> {
    this.#running.delete(running)
    running.vhost.stopObserving(running.recorder)
    await running.writer.close()
  }

  async records(): Promise<TraceRecord[]> {
    const names = (await readdir(this.#folder).catch(() => [])).filter((name) => this.#pathOf(name) !== null)
    const records: TraceRecord[] = []
    for (const name of names.toSorted()) {
      const facts = await stat(join(this.#folder, name)).catch(() => null)
      if (facts?.isFile() === true) records.push({ name, size: facts.size })
    }
    return records
  }

  async read(record: string): Promise<AsyncIterable<Uint8Array> | null> {
    const path = this.#pathOf(record)
    const file = path === null ? null : await open(path).catch(() => null)
    if (file === null) return null
    // as long as it is now: one that is written to meanwhile would not end
    const { size } = await file.stat()
    return file.createReadStream({ start: 0, end: Math.max(0, size - 1) }) as AsyncIterable<Uint8Array>
  }

  async delete(record: string): Promise<boolean> {
    const path = this.#pathOf(record)
    if (path === null) return false
    return rm(path).then(
      () => true,
      () => false,
    )
  }

  /** Null for what is no file of a trace. */
  #pathOf(record: string): string | null {
    const isOne = record.endsWith(ENDING) && NAME.test(record.slice(0, -ENDING.length))
    return isOne ? join(this.#folder, record) : null
  }

  /** The broker stops: resolves when all has been written. */
  async close(): Promise<void> {
    this.#endListening()
    await Promise.all([...this.#running].map((running) => this.#end(running)))
  }
}
