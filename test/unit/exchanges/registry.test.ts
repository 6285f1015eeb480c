import assert from 'node:assert/strict'
import { test } from 'node:test'

import { direct } from '../../../src/core/exchanges/direct.ts'
import { builtInExchangeTypes, ExchangeTypes } from '../../../src/core/exchanges/index.ts'

test('the registry starts with the built-in types', () => {
  const types = new ExchangeTypes()
  assert.deepEqual(types.names(), [
    'direct',
    'fanout',
    'headers',
    'topic',
    'x-consistent-hash',
    'x-random',
    'x-local-random',
    'x-modulus-hash',
    'x-recent-history',
    'x-jms-topic',
    'x-message-deduplication',
    'x-delayed-message',
  ])
  assert.equal(types.get('direct'), direct)
  assert.equal(types.get('zip'), undefined)
})

test('types come and go without touching another registry', () => {
  const types = new ExchangeTypes()
  const mine = { ...direct, name: 'x-mine' }
  types.register(mine)
  assert.equal(types.get('x-mine'), mine)
  assert.throws(() => types.register(mine), /'x-mine' is registered already/)
  types.unregister('x-mine')
  types.unregister('fanout')
  assert.equal(types.get('x-mine'), undefined)
  // and the one that is made for each registry, since it routes as the others in it do
  assert.equal(new ExchangeTypes().names().length, builtInExchangeTypes.length + 1)
})
