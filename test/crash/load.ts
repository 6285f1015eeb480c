import type { Ending } from './ledger.ts'
import {
  consumer,
  getter,
  otherConsumer,
  otherPublisher,
  publisher,
  transactor,
  vanisher,
  type ConsumerOptions,
} from './programs.ts'
import { ADDRESSED, PASSING, ROUTES, type Route } from './topology.ts'
import { Ended, type Life } from './wire.ts'

/** Everything at once, but for clients that vanish, or that nobody can ask to come to an end, where the ending says so. */
export function startLoad(life: Life, ending: Ending): Promise<void>[] {
  const programs = [...publishers(life), ...consumers(life)]
  if (ending !== 'closed') programs.push(...otherClients(life))
  if (ending === 'killed' || ending === 'stopped') {
    programs.push(vanisher(life, 'plain', ROUTES), vanisher(life, 'quorum', ROUTES))
  }
  return programs.map((program) => untilTheEnd(life, program))
}

/** A program ends by itself or with the broker; anything else is a mistake. */
async function untilTheEnd(life: Life, program: Promise<void>): Promise<void> {
  try {
    await program
  } catch (error) {
    if (error instanceof Ended && life.ending) return
    life.ledger.complain(`a client failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }
}

const through = (exchange: string): readonly Route[] => ROUTES.filter((route) => route.exchange === exchange)
const toQueues = (names: readonly string[]): readonly Route[] =>
  through('by-direct').filter(({ key }) => names.includes(key))

function publishers(life: Life): Promise<void>[] {
  const { random } = life
  const window = random.of([1, 50, 300])
  const most = 3000
  return [
    publisher(life, { routes: through('by-direct'), window: 100, most }),
    publisher(life, { routes: through(''), window, most, priorities: true }),
    publisher(life, { routes: [...through('by-topic'), ...through('by-headers')], window, most }),
    publisher(life, { routes: through('by-fanout'), window, most: 600 }),
    publisher(life, { routes: toQueues(['priority', 'quorum']), window, most, priorities: true }),
    publisher(life, { routes: ROUTES, window, most: 400, persistent: false }),
    publisher(life, { routes: toQueues(['careful', 'rejecting']), window: 50, most }),
  ]
}

function consumers(life: Life): Promise<void>[] {
  const { random } = life
  const most = random.of([50, 500, 100_000])
  const consume = (queue: string, prefetch: number, styles: ConsumerOptions['styles'], closes = false): Promise<void> =>
    consumer(life, { queue, prefetch, styles, most, closes })
  return [
    consume('plain', 30, { ack: 90 }),
    consume('plain', 200, { multiple: 5 }),
    consume('priority', 40, { ack: 60, nack: 25, requeue: 10 }, true),
    consume('quorum', 40, { ack: 50, nack: 25, requeue: 20 }),
    consume('quorum', 300, { multiple: 3, 'multiple nack': 3 }),
    consume('lazy', 100, { multiple: 10, 'multiple nack': 1 }, true),
    consume('single', 20, { ack: 70, nack: 20 }),
    consume('single', 20, { ack: 90 }),
    consume('rejecting', 60, { reject: 60, ack: 20, nack: 10 }),
    consume('dead', 50, { ack: 40, nack: 10 }),
    consume('careful', 60, { reject: 60, ack: 20, nack: 10 }),
    consume('careful-dead', 50, { ack: 40, nack: 10 }),
    consume('fan-classic', 50, { ack: 80 }),
    consume('fan-quorum', 50, {}),
    consume(PASSING, 50, { ack: 50 }),
    getter(life, 'fan-lazy', most),
    getter(life, random.of(['quorum', 'lazy', 'priority']), most),
    transactor(
      life,
      random.of(['plain', 'lazy']),
      ROUTES.filter(({ key }) => key !== 'careful'),
    ),
    transactor(life, random.of(['quorum', 'priority']), toQueues(ADDRESSED.filter((name) => name !== 'careful'))),
  ]
}

const otherClients = (life: Life): Promise<void>[] => [
  otherPublisher(life, ROUTES, 400),
  otherConsumer(life, life.random.of(['lazy', 'fan-lazy', 'plain']), life.random.of([50, 10_000])),
]
