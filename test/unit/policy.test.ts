import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BrokerError } from '../../src/core/errors.ts'
import { PolicySet, policyToJson } from '../../src/core/policy.ts'
import type { PolicyScope } from '../../src/core/policy.ts'

const refused = (text: string) => (error: unknown) => {
  assert.ok(error instanceof BrokerError, String(error))
  assert.equal(error.kind, 'preconditionFailed')
  assert.equal(error.message, text)
  return true
}

const invalid = (...errors: readonly string[]) =>
  refused(`Validation failed\n\n${errors.map((error) => `${error}\n`).join('')}`)

const policies = (...given: readonly (readonly [name: string, body: object, scope?: PolicyScope])[]): PolicySet => {
  const set = new PolicySet()
  for (const [name, body, scope] of given) set.set(scope ?? 'user', 'V', name, { pattern: '.*', ...body })
  return set
}

const nameFor = (set: PolicySet, queue: string, type = 'classic'): string | null =>
  set.effectivePolicy('queue', 'V', queue, type)?.name ?? null

describe('which policy applies', () => {
  const definition = { 'max-length': 5 }

  test('patterns are searched for, not anchored', () => {
    const set = policies(['p', { pattern: 'ord', definition }])
    assert.equal(nameFor(set, 'my.orders'), 'p')
    assert.equal(nameFor(set, 'my.order'), 'p')
    assert.equal(nameFor(set, 'mine'), null)
    assert.equal(nameFor(policies(['p', { pattern: '^ord', definition }]), 'my.orders'), null)
  })

  test('the highest priority wins, and fractions count', () => {
    const set = policies(
      ['low', { definition, priority: -1 }],
      ['high', { definition, priority: 2.5 }],
      ['middle', { definition, priority: 2 }],
    )
    assert.equal(nameFor(set, 'q'), 'high')
    set.delete('user', 'V', 'high')
    assert.equal(nameFor(set, 'q'), 'middle')
    set.set('user', 'V', 'low', { pattern: 'q', definition, priority: 9 })
    assert.equal(nameFor(set, 'q'), 'low')
  })

  test('apply-to picks kinds and types', () => {
    const where = (applyTo: string): string[] => {
      const set = policies(['p', { definition: { 'queue-leader-locator': 'balanced' }, 'apply-to': applyTo }])
      const matching = ['classic', 'quorum', 'stream'].filter((type) => nameFor(set, 'q', type) !== null)
      if (set.effectivePolicy('exchange', 'V', 'x', 'topic') !== null) matching.push('exchange')
      return matching
    }
    assert.deepEqual(where('all'), ['classic', 'quorum', 'stream', 'exchange'])
    assert.deepEqual(where('queues'), ['classic', 'quorum', 'stream'])
    assert.deepEqual(where('exchanges'), ['exchange'])
    assert.deepEqual(where('classic_queues'), ['classic'])
    assert.deepEqual(where('quorum_queues'), ['quorum'])
    assert.deepEqual(where('streams'), ['stream'])
  })

  test('a key that the type does not support makes the policy pass the queue by', () => {
    const set = policies(
      ['stream', { definition: { 'max-age': '1h', 'max-length-bytes': 5 }, priority: 9 }],
      ['other', { definition }],
    )
    assert.equal(nameFor(set, 'q', 'stream'), 'stream')
    assert.equal(nameFor(set, 'q', 'quorum'), 'other')
    assert.equal(nameFor(set, 'q', 'classic'), 'other')
    const mirrored = policies(['ha', { definition: { 'ha-mode': 'exactly', 'ha-params': 2 } }])
    assert.equal(nameFor(mirrored, 'q', 'classic'), 'ha')
    assert.equal(nameFor(mirrored, 'q', 'quorum'), null)
  })

  test('virtual hosts are apart', () => {
    const set = policies(['p', { definition }])
    assert.equal(set.effectivePolicy('queue', 'W', 'q', 'classic'), null)
    set.set('user', 'W', 'w', { pattern: '', definition })
    set.set('operator', 'W', 'o', { pattern: '', definition })
    set.deleteVhost('W')
    assert.equal(set.effectivePolicy('queue', 'W', 'q', 'classic'), null)
    assert.equal(nameFor(set, 'q'), 'p')
  })
})

describe('users and operators', () => {
  const merged = (user: object, operator: object): object =>
    Object.fromEntries(
      policies(['u', { definition: user }], ['o', { definition: operator }, 'operator']).effectivePolicy(
        'queue',
        'V',
        'q',
        'quorum',
      )!.definition,
    )

  test('both names are told', () => {
    const set = policies(['u', { definition: { expires: 1 } }], ['o', { definition: { expires: 1 } }, 'operator'])
    const effective = set.effectivePolicy('queue', 'V', 'q', 'classic')
    assert.equal(effective?.name, 'u')
    assert.equal(effective?.operatorName, 'o')
    set.delete('user', 'V', 'u')
    assert.equal(set.effectivePolicy('queue', 'V', 'q', 'classic')?.name, null)
  })

  test('keys that only one of them has are united', () => {
    assert.deepEqual(merged({ overflow: 'drop-head' }, { expires: 5 }), { overflow: 'drop-head', expires: 5 })
  })

  test('the smaller limit counts', () => {
    for (const key of ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'delayed-retry-max']) {
      assert.deepEqual(merged({ [key]: 5 }, { [key]: 7 }), { [key]: 5 }, key)
      assert.deepEqual(merged({ [key]: 8 }, { [key]: 7 }), { [key]: 7 }, key)
    }
  })

  test('a delivery limit that is none gives way to one that is', () => {
    assert.deepEqual(merged({ 'delivery-limit': 5 }, { 'delivery-limit': 3 }), { 'delivery-limit': 3 })
    assert.deepEqual(merged({ 'delivery-limit': 5 }, { 'delivery-limit': -1 }), { 'delivery-limit': 5 })
    assert.deepEqual(merged({ 'delivery-limit': -1 }, { 'delivery-limit': 3 }), { 'delivery-limit': 3 })
  })

  test('the greater minimum counts, and of words the operator’s', () => {
    assert.deepEqual(merged({ 'delayed-retry-min': 5 }, { 'delayed-retry-min': 7 }), { 'delayed-retry-min': 7 })
    assert.deepEqual(merged({ 'target-group-size': 5 }, { 'target-group-size': 3 }), { 'target-group-size': 5 })
    assert.deepEqual(merged({ overflow: 'drop-head' }, { overflow: 'reject-publish' }), { overflow: 'reject-publish' })
    assert.deepEqual(merged({ 'delayed-retry-type': 'all' }, { 'delayed-retry-type': 'failed' }), {
      'delayed-retry-type': 'failed',
    })
  })
})

describe('validation', () => {
  const setting =
    (body: object, scope: PolicyScope = 'user') =>
    (): unknown =>
      new PolicySet().set(scope, 'V', 'p', { pattern: '.*', definition: { expires: 1 }, ...body })

  const values: readonly (readonly [key: string, value: unknown, text: string])[] = [
    ['message-ttl', -1, '-1 is not a valid message TTL'],
    ['message-ttl', 1.5, '1.5 is not a valid message TTL'],
    ['expires', 0, '0 is not a valid queue expiry'],
    ['max-length', '5', '<<"5">> is not a valid maximum length'],
    ['max-length-bytes', -5, '-5 is not a valid maximum length in bytes'],
    ['overflow', 'explode', '<<"explode">> is not a valid overflow value'],
    ['message-groups', 'yes', '<<"yes">> is not a valid boolean for message groups'],
    ['message-groups-header', '', '<<>> is not a valid header name for message groups'],
    ['dead-letter-exchange', 5, '5 is not a valid dead letter exchange name'],
    ['dead-letter-routing-key', true, 'true is not a valid dead letter routing key'],
    ['alternate-exchange', null, 'null is not a valid alternate exchange name'],
    ['delivery-limit', 'x', '<<"x">> is not a valid delivery limit'],
    ['max-age', '1w', '<<"1w">> is not a valid max age'],
    ['queue-mode', ['lazy'], '[<<"lazy">>] is not a valid queue-mode value'],
    ['queue-version', 3, '3 is not a valid queue-version value'],
    ['queue-master-locator', 'balanced', '<<"balanced">> invalid queue-master-locator value'],
    ['stream-max-segment-size-bytes', 3_000_000_001, '3000000001 is not a valid segment size'],
  ]
  for (const [key, value, text] of values) {
    test(`${key} ${JSON.stringify(value)} is refused`, () => {
      assert.throws(setting({ definition: { [key]: value } }), invalid(text))
    })
  }

  // what RabbitMQ 3.10 answers
  const mirrored: readonly (readonly [definition: object, text: string])[] = [
    [{ 'ha-params': 2 }, 'ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown'],
    [{ 'ha-mode': 'some' }, '<<"some">> is not a valid ha-mode value'],
    [{ 'ha-mode': 'all', 'ha-params': 1 }, 'ha-mode="all" does not take parameters'],
    [{ 'ha-mode': 'exactly' }, 'ha-mode="exactly" takes an integer, none given'],
    [{ 'ha-mode': 'exactly', 'ha-params': 0 }, 'ha-mode="exactly" takes an integer, 0 given'],
    [{ 'ha-mode': 'nodes' }, 'ha-mode="nodes" takes a list, none given'],
    [{ 'ha-mode': 'nodes', 'ha-params': [] }, 'ha-mode="nodes" list must be non-empty'],
    [
      { 'ha-mode': 'nodes', 'ha-params': ['a', 1, 2] },
      'ha-mode="nodes" takes a list of strings, [1,2] was not a string',
    ],
    [{ 'ha-mode': 'all', 'ha-sync-mode': 'x' }, 'ha-sync-mode must be "manual" or "automatic", got <<"x">>'],
    [{ 'ha-mode': 'all', 'ha-sync-batch-size': 0 }, 'ha-sync-batch-size takes an integer greater than 0, 0 given'],
    [
      { 'ha-mode': 'all', 'ha-promote-on-failure': 1 },
      'ha-promote-on-failure must be "always" or "when-synced", got 1',
    ],
  ]
  for (const [definition, text] of mirrored) {
    test(`${JSON.stringify(definition)} is refused`, () => assert.throws(setting({ definition }), invalid(text)))
  }

  test('mirrored queues may be asked for as in RabbitMQ', () => {
    const more = { 'ha-sync-mode': 'automatic', 'ha-sync-batch-size': 9, 'ha-promote-on-shutdown': 'always' }
    setting({ definition: { 'ha-mode': 'all', ...more, 'queue-master-locator': 'min-masters' } })()
    setting({ definition: { 'ha-mode': 'exactly', 'ha-params': 2 } })()
    setting({ definition: { 'ha-mode': 'nodes', 'ha-params': ['rabbit@a'] } })()
  })

  test('a number may be larger than any that is exact', () => {
    for (const key of ['message-ttl', 'expires', 'max-length', 'max-length-bytes', 'delivery-limit']) {
      for (const scope of ['user', 'operator'] as const) setting({ definition: { [key]: 2 ** 60 } }, scope)()
    }
  })

  test('of several mistakes it is the one that RabbitMQ tells', () => {
    const told = (definition: object, text: string): void =>
      assert.throws(setting({ definition }), invalid(text), JSON.stringify(definition))
    told({ zzz: 1, 'ha-mode': 'x', 'queue-master-locator': 'y' }, '<<"y">> invalid queue-master-locator value')
    told({ zzz: 1, expires: -1, 'ha-mode': 'x' }, '<<"x">> is not a valid ha-mode value')
    told({ 'max-length': -1, expires: -1, zzz: 1 }, '-1 is not a valid queue expiry')
    told({ 'max-length': -1, 'federation-upstream': 1 }, '-1 is not a valid maximum length')
    told({ zz: 1, 'federation-upstream': 1 }, '1 is not a valid federation upstream name')
  })

  test('what was kept is taken back though it would be refused by now', () => {
    const set = new PolicySet()
    const stored = { 'apply-to': 'queues', definition: { 'ha-mode': 'exactly' }, priority: 1 }
    set.restore('user', { vhost: 'V', name: 'old', pattern: '^q', ...stored })
    assert.equal(nameFor(set, 'q'), 'old')
    assert.equal(nameFor(set, 'other'), null)
  })

  test('unknown keys are listed', () => {
    const definition = { zip: 'zap', 'max-lengthz': 5, expires: 1 }
    assert.throws(
      setting({ definition }),
      invalid('[{<<"max-lengthz">>,5},{<<"zip">>,<<"zap">>}] are not recognised policy settings'),
    )
  })

  test('an operator may limit, not direct', () => {
    assert.throws(
      setting({ definition: { 'dead-letter-exchange': 'x' } }, 'operator'),
      invalid('[{<<"dead-letter-exchange">>,<<"x">>}] are not recognised policy settings'),
    )
    setting({ definition: { expires: 1, overflow: 'drop-head', 'delivery-limit': -1 } }, 'operator')()
  })

  test('a definition is an object with something in it', () => {
    assert.throws(setting({ definition: {} }), invalid('no policy provided'))
    assert.throws(setting({ definition: 'x' }), invalid('definition must be a dictionary: <<"x">>'))
    assert.throws(setting({ definition: undefined }), invalid('Key "definition" not found in p'))
  })

  test('a pattern is a regular expression', () => {
    assert.throws(
      setting({ pattern: '(' }),
      invalid('pattern should be regular expression but is invalid: {"missing )",1}'),
    )
    assert.throws(setting({ pattern: 5 }), invalid('pattern should be a binary but was 5'))
    assert.throws(setting({ pattern: 'x'.repeat(1025) }), BrokerError)
  })

  test('priority and apply-to are checked; all that is wrong is told', () => {
    assert.throws(setting({ priority: '1' }), invalid('priority should be a number, actually was <<"1">>'))
    assert.throws(
      setting({ 'apply-to': 'everything', priority: 'x' }),
      invalid(
        "apply-to 'everything' unrecognised; should be one of: 'queues', 'classic_queues', " +
          "'quorum_queues', 'streams', 'exchanges', or 'all'",
        'priority should be a number, actually was <<"x">>',
      ),
    )
  })

  test('one upstream or a set of them', () => {
    const definition = { 'federation-upstream': 'a', 'federation-upstream-set': 'b' }
    const text = 'cannot specify federation-upstream, federation-upstream-set or federation-upstream-pattern together'
    assert.throws(setting({ definition }), invalid(text))
    assert.throws(
      setting({ definition: { 'federation-upstream-pattern': '(' } }),
      invalid('<<"(">> is not a valid federation upstream pattern name'),
    )
  })

  test('a refused policy leaves the old one in place', () => {
    const set = policies(['p', { definition: { expires: 1 } }])
    assert.throws(() => set.set('user', 'V', 'p', { pattern: '(', definition: { expires: 2 } }))
    assert.equal(set.get('user', 'V', 'p')?.definition.get('expires'), 1)
  })
})

describe('keeping policies', () => {
  test('what is set can be got, listed and deleted', () => {
    const set = policies(['b', { definition: { expires: 1 } }], ['a', { definition: { expires: 2 }, priority: 1 }])
    set.set('user', 'W', 'c', { pattern: '', definition: { expires: 3 } })
    assert.deepEqual(
      set.list('user', 'V').map((policy) => policy.name),
      ['a', 'b'],
    )
    assert.equal(set.list('user').length, 3)
    assert.deepEqual(set.list('operator', 'V'), [])
    assert.equal(set.get('user', 'V', 'c'), null)
    assert.equal(set.delete('user', 'V', 'b'), true)
    assert.equal(set.delete('user', 'V', 'b'), false)
    assert.equal(set.get('user', 'V', 'b'), null)
  })

  test('JSON has the shape of the HTTP API, defaults included', () => {
    const policy = new PolicySet().set('user', 'V', 'p', { pattern: '^a', definition: { 'ha-mode': 'all' }, extra: 1 })
    const json = {
      vhost: 'V',
      name: 'p',
      pattern: '^a',
      'apply-to': 'all',
      definition: { 'ha-mode': 'all' },
      priority: 0,
    }
    assert.deepEqual(policyToJson(policy), json)
    assert.deepEqual(policyToJson(new PolicySet().set('user', 'V', 'p', json)), json)
  })
})
