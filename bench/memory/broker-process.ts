/**
 * A broker that tells what it holds: started by `MeasuredBroker` with an IPC channel, and with the arguments of `warren start`.
 */
import { setImmediate } from 'node:timers/promises'
import { loadConfig } from '../../src/config/load.ts'
import { startServer } from '../../src/server.ts'
import { silentLog } from '../../src/telemetry/log.ts'

/** In bytes. */
export interface Held {
  /** What is alive on V8's heap, and in buffers. */
  readonly live: number
  /** What the process has of the machine's memory. */
  readonly resident: number
}

/** What the broker says first: where it is. */
export interface Started {
  readonly amqp: string
  readonly mqtt: string
}

const COLLECTIONS = 3

async function measure(): Promise<Held> {
  // what weak references of this turn hold, and what is finished with their collection, goes with the next one
  for (let i = 0; i < COLLECTIONS; i++) {
    await setImmediate()
    globalThis.gc!()
  }
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage()
  return { live: heapUsed + arrayBuffers, resident: rss }
}

const server = await startServer(loadConfig({ argv: process.argv.slice(2), env: {} }), silentLog)
process.on('message', () => void measure().then((held) => process.send!(held)))
process.once('disconnect', () => void server.stop('the measurement is over').then(() => process.exit()))
const { amqp, mqtt } = server.urls
process.send!({ amqp: amqp[0]!, mqtt: mqtt[0]! } satisfies Started)
