/**
 * The slowest of many messages: p99 and p99.9 in microseconds at a fixed rate, from publish to delivery for transient
 * messages and from publish to confirm for persistent ones; alone, while another connection publishes a backlog, and while
 * segments of the journal are compacted. WarrenMQ beside RabbitMQ, by turns in one run.
 *
 *     npm run bench:tail
 *     npm run bench:tail -- --rounds 1 --rates 10000 --beside nothing,backlog --trace-gc
 *
 * Prints a Markdown table with medians, lowest and highest.
 */
import { parseArgs } from 'node:util'
import { runLoader } from './compare.ts'
import { conditionsOf, describeConditions } from './conditions.ts'
import { drawFigures, type Measured } from './figures.ts'
import { isInstalled, type Peer, startPeer } from './peers.ts'
import { BackgroundProcess, compileLoader, scratchFolder } from './processes.ts'

const QUEUES = 10
const SHAPED = 50_000

/** What else the broker does meanwhile. `begin` gives what ends it. */
const BESIDE: Readonly<Record<string, (loader: string, peer: Peer) => () => Promise<void>>> = {
  nothing: () => async () => {},
  backlog: fillBacklog,
  compaction: causeCompaction,
}
const KINDS = [
  { name: 'transient', flags: '', path: 'deliver_us' },
  {
    name: 'durable',
    flags: '--durable --persistent --confirm 20000 --prefetch 2000 --ack-every 20',
    path: 'confirm_us',
  },
]

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '1000,10000,50000' },
    beside: { type: 'string', default: Object.keys(BESIDE).join(',') },
    brokers: { type: 'string', default: 'warrenmq,rabbitmq' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    /** Messages a second that the backlog grows by; 0 is as many as go in. */
    'backlog-rate': { type: 'string', default: '20000' },
    /** Has V8 tell of each garbage collection of WarrenMQ; the pauses are summed up at the end. */
    'trace-gc': { type: 'boolean', default: false },
  },
})

const scratch = scratchFolder('tail')
const peers: Peer[] = []
try {
  const loader = compileLoader('amqpload', scratch)
  if (loader === null) throw new Error('a C compiler (cc) is needed for the load generator')
  for (const name of values.brokers.split(',')) {
    const nodeFlags = values['trace-gc'] ? ['--trace-gc'] : []
    if (isInstalled(name)) peers.push(await startPeer(name, scratch, { nodeFlags }))
    else console.log(`${name} is not installed: left out`)
  }
  console.log(`${describeConditions(conditionsOf(peers, Number(values.rounds), Number(values.seconds)))}\n`)
  for (const beside of values.beside.split(',')) {
    for (const kind of KINDS) {
      for (const rate of values.rates.split(',')) {
        const measured = await measure(loader, beside, kind, rate)
        console.log(
          drawFigures(
            measured,
            peers.map(({ name }) => name),
          ),
        )
      }
    }
  }
  const warren = peers.find(({ name }) => name === 'warrenmq')
  if (values['trace-gc'] && warren?.process) console.log(warren.process.output)
} finally {
  await Promise.all(peers.map((peer) => peer.stop()))
}

async function measure(
  loader: string,
  beside: string,
  kind: (typeof KINDS)[number],
  rate: string,
): Promise<Measured[]> {
  const flags = `--size 256 --rate ${rate} --seconds ${values.seconds} ${kind.flags}`.trim().split(' ')
  const measured: Measured[] = ['p50', 'p99', 'p999'].map((part) => ({
    name: `${rate}/s ${kind.name}, beside ${beside}: ${part}`,
    lower: true,
    figures: new Map(peers.map(({ name }) => [name, []])),
  }))
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const peer of peers) {
      const end = BESIDE[beside]!(loader, peer)
      const result = await runLoader(loader, peer, flags)
      await end()
      const times = result[kind.path] as Record<string, number>
      for (const { name, figures } of measured) figures.get(peer.name)!.push(times[name.split(': ')[1]!]!)
    }
  }
  return measured
}

/** Another connection fills a queue, which goes away with the end. */
function fillBacklog(loader: string, peer: Peer): () => Promise<void> {
  const where = ['--host', peer.host, '--port', String(peer.port), '--queue', 'tail-backlog', '--durable']
  const fill = '--size 1024 --persistent --confirm 1000 --consumers 0 --keep --seconds 3600 --rate'.split(' ')
  const process = new BackgroundProcess(loader, [...where, ...fill, values['backlog-rate']])
  return async () => {
    if (process.isGone) throw new Error(`the backlog was not published: ${process.output}`)
    process.kill()
    // drained by nobody: no consumer, no message, and the queue is deleted at the end
    await runLoader(loader, peer, '--queue tail-backlog --durable --consumers 0 --count 1'.split(' '))
  }
}

/** Nine of ten messages are consumed again and again, so that every segment is left with a tenth that has to be kept. */
function causeCompaction(loader: string, peer: Peer): () => Promise<void> {
  const publish = `--size 1024 --durable --persistent --confirm 1000 --rate ${values['backlog-rate']} --consumers 0 --spread --keep --queue tail-shape --queues ${QUEUES} --count ${SHAPED}`
  const consume = `--durable --drain --spread --keep --no-declare --prefetch 1000 --ack-every 100 --queue tail-shape --queues ${QUEUES - 1} --count ${(SHAPED / QUEUES) * (QUEUES - 1)}`
  let stopping = false
  const loop = (async (): Promise<void> => {
    while (!stopping) {
      await runLoader(loader, peer, publish.split(' '))
      await runLoader(loader, peer, consume.split(' '))
    }
  })()
  return async () => {
    stopping = true
    await loop
    const remove = `--durable --consumers 0 --spread --queue tail-shape --queues ${QUEUES} --count 1`
    await runLoader(loader, peer, remove.split(' '))
  }
}
