/**
 * What TLS costs: WarrenMQ over TLS 1.3 beside WarrenMQ without, by turns in one run.
 *
 *     npm run bench:tls
 *     npm run bench:tls -- --rounds 5 --only transient-16B,large-100KiB
 *
 * Prints a Markdown table with medians, lowest and highest. OpenSSL's command and its headers for C are needed.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { compare, figureOf, type Run } from './compare.ts'
import { conditionsOf, describeConditions } from './conditions.ts'
import { drawFigures } from './figures.ts'
import { type Load, selectLoads } from './loads.ts'
import { type Peer, startPeer } from './peers.ts'
import { compileLoader, scratchFolder } from './processes.ts'

const BROKERS = ['tls', 'plain'] as const

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
  },
})

const scratch = scratchFolder('tls')
const loads = selectLoads(values.only.split(',').filter((name) => name !== ''))
const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)]
const loader = compileLoader('amqpload', scratch, ['-DAMQPLOAD_TLS', '-lssl', '-lcrypto'])
if (loader === null) throw new Error('a C compiler (cc) is needed for the load generator')
const peers: Peer[] = []
try {
  peers.push({ ...(await startPeer('warrenmq', folderOf('plain'))), name: 'plain' })
  peers.push(await startTls())
  console.log(`${describeConditions(conditionsOf(peers, rounds, seconds))}\n`)
  console.log('| load | TLS | plain | ratio |\n| --- | --- | --- | --- |')
  await compare({ loader, peers, loads, rounds, seconds, onLoad: print })
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
}

function folderOf(name: string): string {
  const folder = join(scratch, name)
  mkdirSync(folder)
  return folder
}

async function startTls(): Promise<Peer> {
  const folder = folderOf('tls')
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key]
  execFileSync('openssl', ['req', '-x509', ...newKey, '-out', cert, '-subj', '/CN=localhost', '-days', '2'], {
    stdio: 'ignore',
  })
  const files = ['--ssl-options-certfile', cert, '--ssl-options-keyfile', key]
  const peer = await startPeer('warrenmq', folder, { warrenFlags: ['--tls-port', '0', ...files] })
  const [, port] = await peer.process!.waitForOutput(/amqps:\/\/[^\s:]+:(\d+)/)
  return { ...peer, name: 'tls', port: Number(port), loaderFlags: ['--tls'] }
}

function print(load: Load, runs: readonly Run[]): void {
  for (const { broker, error } of runs) if (error !== undefined) console.error(`${load.name}, ${broker}: ${error}`)
  const done = runs.filter(({ error }) => error === undefined)
  const figures = new Map(
    BROKERS.map((name) => [name, done.filter(({ broker }) => broker === name).map((run) => figureOf(run, load))]),
  )
  const name = load.lower ? `${load.name}, p99 in µs` : load.name
  if ([...figures.values()].every((of) => of.length === rounds)) {
    console.log(drawFigures([{ name, lower: load.lower === true, figures }], BROKERS))
  }
}
