/** Every vector against a broker of its own: in whole writes, byte by byte, and cut at random. With RABBITMQ_URL set, against that too. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { replay, type Vector, withOwnBroker } from './replay.ts'
import { byteByByte, type Cut, cutAtRandom, whole } from './wire-client.ts'

const FOLDER = new URL('vectors/', import.meta.url)
const rabbitmq = process.env['RABBITMQ_URL'] === undefined ? null : new URL(process.env['RABBITMQ_URL'])
const fresh = Math.floor(Math.random() * 0x1_0000_0000)

const files = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, vectors: JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Vector[] }))

function cutsOf(vector: Vector): Map<string, Cut> {
  const cuts = new Map([['whole', whole]])
  if (vector.large !== true) cuts.set('byte by byte', byteByByte)
  for (const seed of [1, 2, fresh]) cuts.set(`cut at random, seed ${seed}`, cutAtRandom(seed))
  return cuts
}

for (const { name, vectors } of files) {
  describe(name, { concurrency: 4 }, () => {
    for (const vector of vectors) {
      test(vector.name, async () => {
        for (const [how, cut] of cutsOf(vector)) {
          try {
            await withOwnBroker(vector, (stage) => replay(vector, stage, cut))
          } catch (error) {
            throw new Error(`${how}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
          }
        }
      })
    }
  })

  if (rabbitmq !== null) {
    const port = Number(rabbitmq.port === '' ? 5672 : rabbitmq.port)
    describe(`${name} against RabbitMQ`, { concurrency: 8 }, () => {
      for (const vector of vectors) {
        const skip = vector.local ?? vector.differs ?? (vector.flags === undefined ? false : 'needs options')
        test(vector.name, { skip }, () =>
          replay(vector, { host: rabbitmq.hostname, port, broker: null, clock: null }, whole),
        )
      }
    })
  }
}

test('every vector has a name of its own that begins with a section of the reference', () => {
  const names = files.flatMap(({ vectors }) => vectors.map((vector) => vector.name))
  assert.deepEqual(
    names.filter((vectorName) => !/^\d+(\.\d+)? \S/.test(vectorName)),
    [],
  )
  assert.equal(new Set(names).size, names.length)
})
