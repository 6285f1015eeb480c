import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BrokerError } from '../../src/core/errors.ts'
import {
  NO_VHOST_LIMITS,
  defaultVhostLimits,
  isReached,
  validateUserLimits,
  parseVhostLimits,
  vhostLimitsComponent,
} from '../../src/core/limits.ts'
import { Parameters } from '../../src/core/parameters.ts'

const refused = (text: string) => (error: unknown) => {
  assert.ok(error instanceof BrokerError, String(error))
  assert.equal(error.kind, 'preconditionFailed')
  assert.equal(error.message, text)
  return true
}

const invalid = (...errors: readonly string[]) =>
  refused(`Validation failed\n\n${errors.map((error) => `${error}\n`).join('')}`)

const parameters = (): Parameters => new Parameters([{ name: 'lights', validate: () => [] }, vhostLimitsComponent])

describe('runtime parameters', () => {
  const lights = { rooms: 2 }

  test('what is set can be got, listed and deleted', () => {
    const all = parameters()
    const parameter = all.set('V', 'lights', 'up', lights)
    assert.deepEqual(parameter, { component: 'lights', vhost: 'V', name: 'up', value: lights })
    assert.deepEqual(all.get('V', 'lights', 'up'), parameter)
    all.set('W', 'lights', 'up', { rooms: 3 })
    all.set('V', 'vhost-limits', 'limits', { 'max-queues': 5 })
    assert.equal(all.list().length, 3)
    assert.equal(all.list('lights').length, 2)
    assert.deepEqual(all.list('lights', 'V'), [parameter])
    assert.equal(all.delete('V', 'lights', 'up'), true)
    assert.equal(all.delete('V', 'lights', 'up'), false)
    assert.equal(all.get('V', 'lights', 'up'), null)
    all.deleteVhost('W')
    assert.deepEqual(
      all.list().map(({ component }) => component),
      ['vhost-limits'],
    )
  })

  test('unknown components are refused, and policies have another way in', () => {
    const all = parameters()
    assert.throws(() => all.set('V', 'zip', 'n', {}), invalid('component zip not found'))
    const text = 'policies may not be set using this method'
    assert.throws(() => all.set('V', 'policy', 'n', {}), refused(text))
    assert.throws(() => all.set('V', 'operator_policy', 'n', {}), refused(text))
    assert.throws(() => all.delete('V', 'policy', 'n'), refused('policies may not be cleared using this method'))
  })

  test('a component that is registered checks its values', () => {
    const all = parameters()
    all.register({
      name: 'lamp',
      validate: (name, value, vhost) => (value === 'on' ? [] : [`${name}@${vhost} is off`]),
    })
    assert.equal(all.set('V', 'lamp', 'hall', 'on').value, 'on')
    assert.throws(() => all.set('V', 'lamp', 'hall', 'off'), invalid('hall@V is off'))
    assert.equal(all.get('V', 'lamp', 'hall')?.value, 'on')
  })
})

describe('global parameters', () => {
  test('hold any JSON by name', () => {
    const all = parameters()
    assert.equal(all.getGlobal('cluster_name'), null)
    all.setGlobal('cluster_name', 'rabbit@here')
    all.setGlobal('mqtt_port_to_vhost_mapping', { 1883: 'V' })
    assert.deepEqual(all.getGlobal('cluster_name'), { name: 'cluster_name', value: 'rabbit@here' })
    all.setGlobal('cluster_name', 'rabbit@there')
    assert.deepEqual(
      all.listGlobal().map(({ value }) => value),
      ['rabbit@there', { 1883: 'V' }],
    )
    assert.equal(all.deleteGlobal('cluster_name'), true)
    assert.equal(all.deleteGlobal('cluster_name'), false)
  })
})

describe('limits', () => {
  test('zero allows nothing, negative is no limit', () => {
    assert.deepEqual(parseVhostLimits({}), NO_VHOST_LIMITS)
    assert.deepEqual(parseVhostLimits({ 'max-connections': -5, 'max-queues': 0 }), { maxConnections: -1, maxQueues: 0 })
    assert.equal(isReached(-1, 1e9), false)
    assert.equal(isReached(0, 0), true)
    assert.equal(isReached(2, 1), false)
    assert.equal(isReached(2, 2), true)
  })

  test('are integers of known names', () => {
    assert.throws(
      () => parseVhostLimits({ 'max-queues': '5' }),
      invalid('max-queues should be a number, actually was <<"5">>'),
    )
    assert.deepEqual(validateUserLimits({ 'max-channels': 7 }), [])
    assert.deepEqual(validateUserLimits({ 'max-connections': 1.5 }), [
      'max-connections should be a number, actually was 1.5',
    ])
    assert.deepEqual(validateUserLimits({ 'max-queues': 5 }), [
      'Unrecognised terms [{<<"max-queues">>,5}] in user-limits',
    ])
    assert.throws(() => parseVhostLimits([]), invalid('limits not a list []'))
  })

  test('of a virtual host are the parameter `limits`', () => {
    const all = parameters()
    all.set('V', 'vhost-limits', 'limits', { 'max-queues': 5 })
    assert.throws(() => all.set('V', 'vhost-limits', 'other', {}), invalid('name not recognised: <<"other">>'))
    assert.throws(
      () => all.set('V', 'vhost-limits', 'limits', { zip: 5 }),
      invalid('Unrecognised terms [{<<"zip">>,5}] in limits'),
    )
  })

  test('come by default from the first rule that matches the name', () => {
    const rules = [
      { pattern: /^device/, maxConnections: 1, maxQueues: 2 },
      { pattern: /.*/, maxConnections: 10, maxQueues: -1 },
    ]
    assert.equal(defaultVhostLimits(rules, 'device1').maxQueues, 2)
    assert.equal(defaultVhostLimits(rules, 'other').maxConnections, 10)
    assert.deepEqual(defaultVhostLimits([], 'other'), NO_VHOST_LIMITS)
  })
})
