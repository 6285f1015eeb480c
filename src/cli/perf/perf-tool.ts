import { appendFileSync, writeFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { AmqpUriError, parseAmqpUri } from '../../amqp-client/index.ts'
import { amqpFailure } from '../amqp.ts'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import type { Tool, ToolContext } from '../tools/tool.ts'
import type { PerfConfig } from './config.ts'
import { Counters } from './counters.ts'
import { connectWith } from './load.ts'
import { expandShortForms, PERF_HELP, PERF_OPTIONS } from './options.ts'
import { readConfig } from './read-config.ts'
import { CSV_HEADER, csvLine, progressLine, resultJson, summaryLines, type LineStyle } from './report.ts'
import { prepareLoads, type Loads } from './threads.ts'
import { declareTopology } from './topology.ts'

export const perfTool: Tool = {
  name: 'perf',
  summary: 'Puts a load on an AMQP broker and tells how it bears it',
  description: `With the options of RabbitMQ's PerfTest, for any AMQP 0-9-1 broker. Latencies are those from publishing to receiving, and
from publishing to the confirm. They are right across threads and processes of one machine.`,
  options: PERF_OPTIONS,
  helpOptions: PERF_HELP,
  expandArguments: expandShortForms,
  examples: [
    'perf -z 30',
    'perf -x 2 -y 4 -u orders -f persistent -c 1000 -q 500 -A 50 -s 1024 -z 60',
    'perf -r 1000 --json -z 10 | jq .consumer_latency_us.p99',
    'perf -h amqp://guest:guest@other-host -qq -qp perf-%d -qpf 1 -qpt 10 -x 10 -y 10',
  ],
  async run(context) {
    const list = (name: string): readonly string[] =>
      (context.option(name) as unknown as readonly string[] | undefined) ?? []
    const config = readConfig({ ...context, list }, process.env)
    checkUris(config)
    const format = context.option('metrics-format') ?? 'default'
    if (format !== 'default' && format !== 'compact') throw new UsageError('--metrics-format is default or compact')
    const style = { compact: format === 'compact', millis: context.flag('use-millis') }
    try {
      await declare(config)
      const loads = await prepareLoads(config)
      await drive(context, config, loads, style)
    } catch (error) {
      throw amqpFailure(error, 'AMQP')
    }
    return EXIT.ok
  },
}

function checkUris({ uris }: PerfConfig): void {
  for (const uri of uris) {
    try {
      if (parseAmqpUri(uri).host === null) throw new UsageError('the AMQP address names no host')
    } catch (error) {
      if (error instanceof AmqpUriError) throw new UsageError(`AMQP address: ${error.message}`)
      throw error
    }
  }
}

async function declare(config: PerfConfig): Promise<void> {
  const connection = await connectWith(config, config.uris[0]!, `perf-test-configuration-${config.id}`)
  try {
    await declareTopology(connection, config)
  } finally {
    await connection.close()
  }
}

/** Lets the load run, and tells how it goes. */
async function drive(context: ToolContext, config: PerfConfig, loads: Loads, style: LineStyle): Promise<void> {
  const { flag, option, terminal } = context
  const json = flag('json')
  const print = (line: string): void => (json ? terminal.printError(line) : terminal.print(line))
  const csv = option('output-file')
  if (csv !== undefined) writeCsv(csv, CSV_HEADER)
  const total = new Counters()
  const startedAt = performance.now()
  let sampledAt = startedAt
  const sample = async (): Promise<{ elapsedSec: number; seconds: number; counters: Counters }> => {
    const now = performance.now()
    const counters = new Counters()
    for (const part of await loads.sample()) {
      counters.add(part)
      total.add(part)
    }
    const seconds = (now - sampledAt) / 1000
    sampledAt = now
    return { elapsedSec: (now - startedAt) / 1000, seconds, counters }
  }
  loads.start()
  try {
    const stoppedBy = await untilStopped(context, config, loads, async () => {
      const { elapsedSec, ...figures } = await sample()
      print(progressLine(config, elapsedSec, figures, style))
      if (csv !== undefined) writeCsv(csv, csvLine(config, elapsedSec, figures), true)
    })
    const { elapsedSec } = await sample()
    const figures = { seconds: elapsedSec, counters: total }
    print(`test stopped (${stoppedBy})`)
    for (const line of summaryLines(config, figures, style)) print(line)
    if (json) terminal.print(JSON.stringify(resultJson(config, figures, stoppedBy)))
  } finally {
    await loads.close()
  }
}

/** @returns why it ended */
async function untilStopped(
  { interrupted }: ToolContext,
  config: PerfConfig,
  loads: Loads,
  onInterval: () => Promise<void>,
): Promise<string> {
  const over = new AbortController()
  const signal = AbortSignal.any([interrupted, over.signal])
  let isFinished = false
  const finished = loads.finished.then(() => void (isFinished = true))
  const startedAt = performance.now()
  const limitMs = config.timeSec === 0 ? Infinity : config.timeSec * 1000
  try {
    for (let n = 1; ; n++) {
      const dueMs = Math.min(n * config.intervalSec * 1000, limitMs)
      const waitMs = Math.max(0, dueMs - (performance.now() - startedAt))
      await Promise.race([delay(waitMs, undefined, { signal }).catch(() => {}), finished])
      if (isFinished) return 'Producers and consumers are done'
      if (interrupted.aborted) return 'Interrupted'
      await onInterval()
      if (dueMs >= limitMs) return 'Reached time limit'
    }
  } finally {
    over.abort()
  }
}

function writeCsv(path: string, line: string, append = false): void {
  try {
    if (append) appendFileSync(path, `${line}\n`)
    else writeFileSync(path, `${line}\n`)
  } catch (error) {
    throw new CliError(EXIT.data, `${path} cannot be written: ${(error as Error).message}`, { cause: error })
  }
}
