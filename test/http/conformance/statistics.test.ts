import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { answersOf, startLoad } from './load.ts'
import { differences, type Shape, shapeOf } from './key-types.ts'
import { ourBroker, rabbitmq, type Target } from './loaded-broker.ts'

// The same load on RabbitMQ and here: what RabbitMQ answers, we answer with the same keys and types.

const { RABBITMQ_URL: url, RABBITMQ_MANAGEMENT_URL: management } = process.env
const skip =
  url === undefined || management === undefined ? 'set RABBITMQ_URL and RABBITMQ_MANAGEMENT_URL for this' : false

/** What RabbitMQ has and we have not, and why not. */
const LEFT_OUT: readonly string[] = [
  // whether it is there is a matter of when one asks
  'idle_since',
  // how its HTTP library was configured
  'contexts.cowboy_opts',
  'contexts.protocol',
  'listeners.socket_opts.*',
  // exchange types of plugins say what for
  'exchange_types.internal_purpose',
  // by the name of the node, which is another
  'open_files.*',
  'cluster_state.*',
]

type Shapes = Readonly<Record<string, Shape>>

/** As RabbitMQ 3.10.8 answered this scenario. */
const KNOWN = JSON.parse(
  readFileSync(new URL('../../fixtures/statistics-3.10.json', import.meta.url), 'utf8'),
) as Shapes

async function shapesUnderLoad(target: Target): Promise<Shapes> {
  try {
    const load = await startLoad(target)
    try {
      await target.sample(() => load.round())
      const answers = Object.entries(await answersOf(target))
      return Object.fromEntries(answers.map(([what, answer]) => [what, shapeOf(answer)]))
    } finally {
      await load.close()
    }
  } finally {
    await target.close()
  }
}

const compare = (theirs: Shapes, ours: Shapes): string[] =>
  Object.entries(theirs).flatMap(([what, shape]) =>
    differences(shape, ours[what], LEFT_OUT).map((difference) => `${what}: ${difference}`),
  )

describe('statistics have the keys and types of RabbitMQ', () => {
  test('as they were answered once', async () => {
    assert.deepEqual(compare(KNOWN, await shapesUnderLoad(await ourBroker())), [])
  })

  test('as they are answered by the one that RABBITMQ_URL names', { skip }, async () => {
    const theirs = await shapesUnderLoad(await rabbitmq(url!, management!))
    assert.deepEqual(compare(theirs, await shapesUnderLoad(await ourBroker())), [])
  })
})
