/**
 * Kills a broker over and over while clients work with it, and looks for what it has lost, doubled, mixed up or brought back:
 * `npm run crash -- --rounds N [--seed N] [--ending killed|stopped|quiet|closed] [--protocol mqtt|stomp]`. What follows `--` goes to the broker.
 * With `--protocol` the clients are MQTT's or STOMP's, and the broker is always killed.
 */
import { parseArgs } from 'node:util'
import { runMqttCrashRounds } from '../test/crash/mqtt/rounds.ts'
import { ENDINGS, runCrashRounds } from '../test/crash/rounds.ts'
import { runStompCrashRounds } from '../test/crash/stomp/rounds.ts'

const { values, positionals } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    seed: { type: 'string' },
    keep: { type: 'boolean', default: false },
    ending: { type: 'string' },
    protocol: { type: 'string', default: 'amqp' },
    'data-dir': { type: 'string' },
  },
  allowPositionals: true,
})

const endings = ENDINGS.filter((ending) => values.ending === undefined || ending === values.ending)
const dataDir = values['data-dir']
const started = performance.now()
const common = {
  rounds: Number(values.rounds),
  seed: Number(values.seed ?? Math.floor(Math.random() * 0x7fff_ffff)),
  flags: positionals,
  print: (line: string) => console.log(line),
}
const run = { mqtt: runMqttCrashRounds, stomp: runStompCrashRounds }[values.protocol]
const mistakes =
  run !== undefined
    ? await run(common)
    : await runCrashRounds({
        ...common,
        endings,
        keep: values.keep,
        ...(dataDir === undefined ? {} : { dataDir }),
      })
console.log(
  `${((performance.now() - started) / 1000).toFixed(0)} s: ${mistakes.length === 0 ? 'nothing lost' : 'FAILED'}`,
)
process.exitCode = mistakes.length === 0 ? 0 : 1
