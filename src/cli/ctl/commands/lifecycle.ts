import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { UnreachableError } from '../../api/http.ts'
import { isLocal } from '../../api/target.ts'
import { UsageError } from '../../errors.ts'
import { EXIT, type ExitCode } from '../../exit-codes.ts'
import { unreadable } from '../../named-file.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure, refusedAs } from '../failures.ts'
import { fetchThisNode } from '../node-facts.ts'
import { text } from '../output.ts'
import { parseNatural } from '../../parse.ts'
import { onlyWarren } from './settings.ts'

const common = { section: 'Nodes', tools: ['ctl'] } as const
const POLL_MS = 200
const STARTUP_TIMEOUT_SEC = 300

/** @throws CliError when the condition does not hold in time */
async function until(
  isTrue: () => Promise<boolean> | boolean,
  timeoutSec: number | null,
  late: string,
  code: ExitCode = EXIT.software,
): Promise<void> {
  const deadline = timeoutSec === null ? Infinity : performance.now() + timeoutSec * 1000
  while (!(await isTrue())) {
    if (performance.now() >= deadline) throw failure(late, code)
    await delay(POLL_MS)
  }
}

async function answers({ api }: Context): Promise<boolean> {
  try {
    return (await fetchThisNode(api)).running
  } catch (error) {
    if (error instanceof UnreachableError) return false
    throw error
  }
}

/** Whether a process of this machine exists. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Null where there is no such file yet, or nothing in it. */
function readPid(path: string): number | null {
  try {
    const pid = /^\s*(\d+)\s*$/.exec(readFileSync(path, 'utf8'))?.[1]
    return pid === undefined ? null : Number(pid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw unreadable(path, error)
  }
}

async function requestStop({ api }: Context): Promise<void> {
  await refusedAs(api.post('/node/stop', {}), onlyWarren)
}

const stop: CtlCommand = {
  ...common,
  name: 'stop',
  summary: 'Stops the node; with the file that holds its process id, waits until that process is gone',
  arguments: [
    { name: 'pidfile', help: 'file with the process id of a node on this machine', optional: true, completion: 'file' },
  ],
  options: [{ flags: '--idempotent', help: 'a node that does not run is as good as stopped' }],
  async run(context) {
    const { args, flag, sayNode, say, timeoutSec } = context
    try {
      await sayNode((node) => `Stopping and halting node ${node} ...`)
      const pid = args[0] === undefined ? null : readPid(args[0])
      await requestStop(context)
      if (pid === null) return undefined
      say(`Waiting for pid ${pid} to exit ...`)
      await until(() => !isAlive(pid), timeoutSec, `process ${pid} is still there`)
      return text(`Node's OS process ${pid} is no longer running`)
    } catch (error) {
      if (flag('idempotent') && error instanceof UnreachableError) return text('Node is no longer running')
      throw error
    }
  },
}

const shutdown: CtlCommand = {
  ...common,
  name: 'shutdown',
  summary: 'Stops the node and waits until its process is gone, where it runs on this machine',
  options: [
    { flags: '--wait', help: 'wait, which is how it is anyway' },
    { flags: '--no-wait', help: 'do not wait' },
  ],
  async run(context) {
    const { api, option, say, target, timeoutSec } = context
    const { name, os_pid: osPid } = await fetchThisNode(api)
    say(`Shutting down RabbitMQ node ${name} running at PID ${osPid ?? 'unknown'}`)
    await requestStop(context)
    const pid = Number(osPid)
    if ((option('wait') as unknown) === false || !isLocal(target.url) || !Number.isInteger(pid)) return undefined
    say(`Waiting for PID ${pid} to terminate`)
    await until(() => !isAlive(pid), timeoutSec, `process ${pid} is still there`)
    return text(`RabbitMQ node ${name} running at PID ${pid} successfully shut down`)
  },
}

const startApp: CtlCommand = {
  ...common,
  name: 'start_app',
  summary: 'Checks that the node runs: here a node and its process are one',
  async run(context) {
    await context.sayNode((node) => `Starting node ${node} ...`)
    await until(() => answers(context), context.timeoutSec ?? STARTUP_TIMEOUT_SEC, 'the node is not running')
  },
}

const awaitStartup: CtlCommand = {
  ...common,
  name: 'await_startup',
  summary: 'Waits until the node has started',
  timeoutSec: STARTUP_TIMEOUT_SEC,
  async run(context) {
    const late = 'timed out while waiting: the node has not started'
    await until(() => answers(context), context.timeoutSec, late, EXIT.unavailable)
  },
}

const wait: CtlCommand = {
  ...common,
  name: 'wait',
  tools: ['ctl', 'diagnostics'],
  summary: 'Waits until a node of this machine has started, whose process id is in a file',
  arguments: [{ name: 'pidfile', help: 'the file', optional: true, completion: 'file' }],
  options: [{ flags: '-P, --pid <pid>', help: 'the process id, in place of a file', parse: parseNatural }],
  timeoutSec: 60,
  looksAround: true,
  async run(context) {
    const { api, args, number, say, timeoutSec } = context
    const file = args[0]
    let pid = number('pid') ?? null
    if (file === undefined && pid === null) throw new UsageError('No pid or pidfile specified')
    if (file !== undefined && pid !== null) throw new UsageError('Cannot specify both pid and pidfile')
    if (file !== undefined) {
      say(`Waiting for pid file '${file}' to appear`)
      await until(
        () => (pid = readPid(file)) !== null,
        timeoutSec,
        `timed out while waiting for the pid file '${file}'`,
        EXIT.temporary,
      )
      say(`pid is ${pid!}`)
    }
    say(`Waiting for the node to start while OS process '${pid!}' is running`)
    const startedOrDied = async (): Promise<boolean> => {
      if (!isAlive(pid!)) throw failure(`process ${pid!} is not running`)
      return answers(context)
    }
    await until(startedOrDied, timeoutSec, 'timed out while waiting: the node has not started', EXIT.temporary)
    return text(`Node ${await api.nodeName()} is running`)
  },
}

const awaitOnlineNodes: CtlCommand = {
  name: 'await_online_nodes',
  section: 'Cluster',
  tools: ['ctl'],
  summary: 'Waits until so many nodes are up',
  arguments: [{ name: 'count', help: 'how many; 1 is there at once' }],
  timeoutSec: STARTUP_TIMEOUT_SEC,
  async run(context) {
    const { api, args, sayNode, timeoutSec } = context
    const count = Number(args[0])
    if (!Number.isInteger(count) || count < 1)
      throw new UsageError('Bad argument: Argument must be a positive integer', EXIT.data)
    await sayNode(
      (node) =>
        `Will wait for at least ${count} nodes to join the cluster of ${node}. Timeout: ${timeoutSec ?? 'infinity'} seconds.`,
    )
    const enough = async (): Promise<boolean> => {
      const nodes = await api.get<{ running: boolean }[]>('/nodes')
      return nodes.filter(({ running }) => running).length >= count
    }
    const name = await api.nodeName()
    await until(enough, timeoutSec, `Error: timed out while waiting. Not enough nodes joined ${name}'s cluster.`)
  },
}

const version: CtlCommand = {
  name: 'version',
  section: 'Help',
  tools: ['ctl', 'diagnostics', 'plugins'],
  summary: 'Shows the version of these tools',
  run: (context) => text(context.version),
}

export const LIFECYCLE_COMMANDS = [awaitOnlineNodes, awaitStartup, shutdown, startApp, stop, version, wait]
