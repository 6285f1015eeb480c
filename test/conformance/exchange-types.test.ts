import assert from 'node:assert/strict'
import { test } from 'node:test'

import fc from 'fast-check'

import type { Binding, Destination, ExchangeType } from '../../src/core/exchanges/exchange-type.ts'
import { builtInExchangeTypes } from '../../src/core/exchanges/index.ts'
import { array, bool, signedint } from '../../src/core/fields.ts'
import type { Field, Table } from '../../src/core/fields.ts'
import type { Routable } from '../../src/core/message.ts'
import {
  bindingTo,
  CountingHost,
  destinationsOf,
  exchange,
  facts,
  message,
  queue,
  tableOf,
} from '../unit/exchanges/exchange-fixtures.ts'

/** What each type promises, said in the slowest way that is plainly right. */
type Model =
  /** The message goes to the destinations of exactly those bindings that match. */
  | { readonly goesTo: 'every match'; readonly matches: (binding: Binding, routable: Routable) => boolean }
  /** The message goes to exactly one of all destinations; always to the same one, or by chance. */
  | { readonly goesTo: 'one'; readonly steady: boolean }

const keysOf = (routable: Routable): string[] => [routable.routingKey, ...(routable.extraKeys ?? [])]

function matchesTopic(pattern: string, key: string): boolean {
  const words = (text: string) => (text === '' ? [] : text.split('.'))
  const match = (rest: readonly string[], left: readonly string[]): boolean => {
    if (rest.length === 0) return left.length === 0
    if (rest[0] === '#') return left.some((_, i) => match(rest.slice(1), left.slice(i))) || match(rest.slice(1), [])
    return left.length > 0 && (rest[0] === '*' || rest[0] === left[0]) && match(rest.slice(1), left.slice(1))
  }
  return match(words(pattern), words(key))
}

function matchesHeaders(args: Table, sent: Table): boolean {
  const mode = args.get('x-match')?.value ?? 'all'
  const wanted = [...args].filter(
    ([name]) => name !== 'x-match' && (String(mode).endsWith('-with-x') || !name.startsWith('x-')),
  )
  const held = wanted.map(([name, field]) => {
    const actual = sent.get(name)
    return actual !== undefined && (field.type === 'void' || JSON.stringify(field) === JSON.stringify(actual))
  })
  return String(mode).startsWith('all') ? !held.includes(false) : held.includes(true)
}

const topicMatches = (binding: Binding, routable: Routable): boolean =>
  keysOf(routable).some((key) => matchesTopic(binding.key, key))

const MODELS: Readonly<Record<string, Model>> = {
  direct: { goesTo: 'every match', matches: (binding, routable) => keysOf(routable).includes(binding.key) },
  fanout: { goesTo: 'every match', matches: () => true },
  'x-message-deduplication': { goesTo: 'every match', matches: () => true },
  headers: {
    goesTo: 'every match',
    matches: (binding, routable) => matchesHeaders(binding.arguments, routable.properties().headers ?? new Map()),
  },
  topic: { goesTo: 'every match', matches: topicMatches },
  'x-consistent-hash': { goesTo: 'one', steady: true },
  'x-random': { goesTo: 'one', steady: false },
  'x-local-random': { goesTo: 'one', steady: false },
  'x-modulus-hash': { goesTo: 'one', steady: true },
  'x-recent-history': { goesTo: 'every match', matches: () => true },
  'x-jms-topic': {
    goesTo: 'every match',
    matches: (binding, routable) => topicMatches(binding, routable) && selects(binding, routable),
  },
}

/** The selectors that `argumentsFor` makes are all of the form `name = 'text'`. */
function selects(binding: Binding, routable: Routable): boolean {
  const selector = binding.arguments.get('x-jms-selector')
  if (selector === undefined) return true
  const [name, value] = (selector.value as string).split(' = ')
  return routable.properties().headers?.get(name!)?.value === value!.slice(1, -1)
}

const DESTINATIONS: readonly Destination[] = [
  ...Array.from({ length: 6 }, (_, i) => queue(`q${i}`)),
  exchange('e0'),
  exchange('e1'),
]
const QUEUES = DESTINATIONS.filter((destination) => destination.kind === 'queue')

const key = fc.array(fc.constantFrom('a', 'b', ''), { maxLength: 4 }).map((words) => words.join('.'))
const value: fc.Arbitrary<Field | string> = fc.constantFrom<Field | string>(
  'a',
  'b',
  signedint(1),
  bool(true),
  array([signedint(1)]),
)
const table = fc
  .dictionary(fc.constantFrom('h', 'i', 'j', 'x-h'), value, { maxKeys: 3 })
  .map((entries) => tableOf(entries))

/** Binding keys and arguments that the type takes. */
function bindingFor(name: string): fc.Arbitrary<Binding> {
  const destinations = fc.constantFrom(...(name === 'x-local-random' ? QUEUES : DESTINATIONS))
  const wildcards = fc
    .array(fc.constantFrom('a', 'b', '', '*', '#'), { maxLength: 4 })
    .filter((words) => words.filter((word) => word === '#').length <= 2)
    .map((words) => words.join('.'))
  const keys: Readonly<Record<string, fc.Arbitrary<string>>> = {
    topic: wildcards,
    'x-jms-topic': wildcards,
    'x-local-random': fc.constant(''),
    'x-consistent-hash': fc.integer({ min: 1, max: 20 }).map(String),
  }
  return fc
    .tuple(destinations, keys[name] ?? key, argumentsFor(name))
    .map(([destination, bindingKey, args]) => bindingTo(destination, bindingKey, args))
}

function argumentsFor(name: string): fc.Arbitrary<Table> {
  if (name === 'x-jms-topic') {
    const selector = fc.constantFrom("h = 'a'", "h = 'b'", "i = 'a'")
    return fc.option(selector, { nil: null }).map((text) => tableOf(text === null ? {} : { 'x-jms-selector': text }))
  }
  const mode = fc.constantFrom('all', 'any', 'all-with-x', 'any-with-x')
  const wanted = fc.oneof(value, fc.constant<Field>({ type: 'void', value: null }))
  return fc
    .tuple(fc.option(mode, { nil: null }), fc.dictionary(fc.constantFrom('h', 'i', 'x-h'), wanted, { maxKeys: 3 }))
    .map(([match, entries]) => tableOf(match === null ? entries : { 'x-match': match, ...entries }))
}

const routable = fc
  .record({ key, extraKeys: fc.option(fc.array(key, { maxLength: 2 }), { nil: null }), headers: table })
  .map((sent) => message(sent.key, { headers: sent.headers, ...(sent.extraKeys && { extraKeys: sent.extraKeys }) }))

function check(model: Model, bound: readonly Binding[], sent: Routable, route: () => Set<Destination>): void {
  const actual = route()
  if (model.goesTo === 'every match') {
    const expected = new Set(bound.filter((binding) => model.matches(binding, sent)).map((b) => b.destination))
    assert.deepEqual(namesIn(actual), namesIn(expected))
    return
  }
  assert.equal(actual.size, bound.length === 0 ? 0 : 1)
  for (const destination of actual) assert.ok(bound.some((binding) => binding.destination === destination))
  if (model.steady) assert.deepEqual(namesIn(route()), namesIn(actual))
}

const namesIn = (destinations: Set<Destination>): string[] => [...destinations].map((d) => d.name).sort()

function checkType(type: ExchangeType, model: Model): void {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('bind' as const), binding: bindingFor(type.name) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('unbind' as const), index: fc.nat() }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('route' as const), sent: routable }) },
  )
  const steps = fc.array(step, { maxLength: 40, size: 'max' })
  const run = (sequence: readonly (typeof steps extends fc.Arbitrary<(infer S)[]> ? S : never)[]): void => {
    const host = new CountingHost()
    type.validate?.(facts())
    const router = type.create(facts(), host)
    const bound: Binding[] = []
    for (const step of sequence) {
      if (step.kind === 'bind') {
        // A binding object is bound once: shrinking may hand the same one out again.
        const binding = { ...step.binding }
        type.validateBinding?.(facts(), binding)
        router.bind(binding)
        router.onBound?.(binding, (remembered) => assert.ok(host.references.has(remembered)))
        bound.push(binding)
      } else if (step.kind === 'unbind' && bound.length > 0) {
        router.unbind(bound.splice(step.index % bound.length, 1)[0]!)
      } else if (step.kind === 'route') {
        check(model, bound, step.sent, () => destinationsOf(router, step.sent))
      }
    }
    for (const binding of bound) router.unbind(binding)
    assert.equal(destinationsOf(router, message('a', { headers: tableOf({ h: 'a' }) })).size, 0)
    router.close?.()
    assert.equal(host.references.size, 0)
  }
  fc.assert(fc.property(steps, run), { numRuns: 200 })
}

for (const type of builtInExchangeTypes) {
  test(`${type.name} routes as its model`, () => {
    const model = MODELS[type.name]
    assert.ok(model !== undefined, `a model for ${type.name}`)
    checkType(type, model)
  })

  test(`${type.name} does not read properties when its answers may be remembered`, () => {
    if (!type.cacheable) return
    const router = type.create(facts(), new CountingHost())
    router.bind(bindingTo(DESTINATIONS[0]!, 'k'))
    const sent: Routable = { routingKey: 'k', extraKeys: null, properties: () => assert.fail('read the properties') }
    assert.equal(destinationsOf(router, sent).size, 1)
    assert.equal(destinationsOf(router, sent).size, 1)
  })

  test(`routers of ${type.name} share nothing`, () => {
    const one = type.create(facts(), new CountingHost())
    const other = type.create(facts(), new CountingHost())
    one.bind(bindingTo(DESTINATIONS[0]!, '1'))
    assert.equal(destinationsOf(one, message('1')).size, 1)
    assert.equal(destinationsOf(other, message('1')).size, 0)
  })
}
