import assert from 'node:assert/strict'
import { test } from 'node:test'

import { localRandom } from '../../../src/core/exchanges/local-random.ts'
import { random } from '../../../src/core/exchanges/random.ts'
import {
  assertRefused,
  bindingTo,
  createRouter,
  exchange,
  facts,
  message,
  namesOf,
  queue,
} from './exchange-fixtures.ts'

for (const type of [random, localRandom]) {
  test(`${type.name} picks one binding, and each now and then`, () => {
    const router = createRouter(type)
    assert.deepEqual(namesOf(router, message('')), [])
    const bindings = ['a', 'b', 'c'].map((name) => bindingTo(queue(name)))
    for (const binding of bindings) router.bind(binding)
    const picked = new Set<string>()
    for (let i = 0; i < 1000; i++) {
      const names = namesOf(router, message('any'))
      assert.equal(names.length, 1)
      picked.add(names[0]!)
    }
    assert.deepEqual([...picked].sort(), ['a', 'b', 'c'])
    router.unbind(bindings[0]!)
    router.unbind(bindings[1]!)
    assert.deepEqual(namesOf(router, message('')), ['c'])
  })
}

test('local random takes classic queues without a key only', () => {
  const validate = (destination = queue('q'), key = '') =>
    localRandom.validateBinding!(facts(), bindingTo(destination, key))
  validate()
  assertRefused(() => validate(queue('q'), 'k'), "Non empty binding 'k' key not permitted")
  assertRefused(() => validate(queue('q', 'quorum')), 'Queue type rabbit_quorum_queue not valid for this exchange type')
  assertRefused(() => validate(exchange('x')), 'Destination not found')
})
