import assert from 'node:assert/strict'
import { loadConfig } from '../../src/config/load.ts'
import { type RunningServer, startServer } from '../../src/server.ts'
import { type Log, silentLog } from '../../src/telemetry/log.ts'
import { eventually } from '../support/with-broker.ts'
import { cutAtRandom, WireClient } from '../wire/wire-client.ts'

/** A real server, in memory, that hostile clients are let loose on, and what it calls a mistake of its own. */
export interface Watched {
  readonly server: RunningServer
  readonly mistakes: string[]
}

export async function watchedServer(protocols: readonly string[]): Promise<Watched> {
  const mistakes: string[] = []
  const log: Log = {
    ...silentLog,
    error: (text, facts) => mistakes.push(`${text} ${String((facts?.['err'] as Error | undefined)?.stack)}`),
    child: () => log,
  }
  const argv = ['--port', '0', '--management-port', '0', '--prometheus-port', 'none', '--memory', ...protocols]
  const server = await startServer(loadConfig({ argv, env: {} }), log)
  return { server, mistakes }
}

/** It has made no mistake, serves a new client, and has forgotten all of them afterwards. */
export async function checkPeace({ server, mistakes }: Watched, greetAfresh: () => Promise<void>): Promise<void> {
  assert.deepEqual(mistakes, [])
  await greetAfresh()
  await eventually(() => server.broker.connections.size === 0)
  assert.deepEqual(mistakes, [])
}

/** Sends everything, cut as the seed says, and waits until the broker has taken or refused it. */
export async function sendAll(port: number, bytes: Buffer, seed: number): Promise<void> {
  const client = await WireClient.connect('127.0.0.1', port, cutAtRandom(seed))
  await client.send(bytes)
  client.end()
  await client.untilClosed()
}
