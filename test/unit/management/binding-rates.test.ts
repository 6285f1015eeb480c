import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { BindingRates, type Bounds, type Flow, type Lead } from '../../../src/management/objects/binding-rates.ts'

/** `x>y` to an exchange, `x>q1` to a queue; `x=q1` for what every message takes. */
function lead(text: string): Lead {
  const [source, destination] = text.split(/[>=]/) as [string, string]
  return { source, kind: destination.startsWith('q') ? 'queue' : 'exchange', destination, isAlways: text.includes('=') }
}

/** @param flows by `x q1` */
function ratesOf(leads: string[], flows: Record<string, number>): Record<string, Bounds | null> {
  const came = Object.entries(flows).map(([names, rate]): Flow => {
    const [exchange, queue] = names.split(' ') as [string, string]
    return { exchange, queue, rate }
  })
  const rates = new BindingRates(leads.map(lead), came)
  return Object.fromEntries(leads.map((text) => [text, rates.of(lead(text))]))
}

const exactly = (rate: number): Bounds => ({ min: rate, max: rate })

describe('rates of bindings', () => {
  test('are what came to the queue, where there is one way', () => {
    assert.deepEqual(ratesOf(['x>q1', 'x>q2', 'x>y', 'y>q3', 'z>q3'], { 'x q1': 5, 'x q3': 2, 'y q3': 1, 'z q3': 4 }), {
      'x>q1': exactly(5),
      'x>q2': exactly(0),
      'x>y': exactly(2),
      'y>q3': exactly(3),
      'z>q3': exactly(4),
    })
  })

  test('have bounds, where there are several', () => {
    const rates = ratesOf(['x>y', 'y>q1', 'x>q1'], { 'x q1': 5, 'y q1': 1 })
    const expected = { 'x>y': { min: 0, max: 5 }, 'y>q1': { min: 1, max: 6 }, 'x>q1': { min: 0, max: 5 } }
    assert.deepEqual(rates, expected)
  })

  test('count once what leads on to several queues', () => {
    const flows = { 'x q1': 5, 'x q2': 4 }
    assert.deepEqual(ratesOf(['x>y', 'y>q1', 'y>q2'], flows)['x>y'], { min: 5, max: 9 })
    assert.deepEqual(ratesOf(['x>y', 'y=q1', 'y>q2'], flows)['x>y'], exactly(5))
  })

  test('end where exchanges lead in a circle', () => {
    const rates = ratesOf(['x>y', 'y>x', 'y>q1'], { 'x q1': 3, 'y q1': 1 })
    assert.deepEqual(rates, { 'x>y': exactly(3), 'y>x': exactly(0), 'y>q1': exactly(4) })
  })

  test('pass over what came by a binding that is gone', () => {
    assert.deepEqual(ratesOf(['x>q1'], { 'y q1': 3, 'x q2': 2 }), { 'x>q1': exactly(0) })
  })

  test('are given up where there are too many ways', () => {
    const names = Array.from({ length: 90 }, (_, i) => `e${i}`)
    const thicket = names.flatMap((from) => names.map((to) => `${from}>${to}`))
    const ends = names.map((from, i) => `${from}>q${i}`)
    const flows = Object.fromEntries(names.map((_, i) => [`e0 q${i}`, 1]))
    assert.equal(ratesOf([...thicket, ...ends], flows)['e0>q0'], null)
  })

  test('have the truth between their bounds, however messages go', () => {
    const name = fc.constantFrom('x', 'y', 'z', 'v')
    const one = fc.tuple(name, fc.constantFrom('>', '='), fc.oneof(name, fc.constantFrom('q1', 'q2', 'q3')))
    const leads = fc.uniqueArray(one, { maxLength: 12, selector: ([from, , to]) => `${from} ${to}` })
    // which of the other bindings a message matches
    const messages = fc.array(fc.tuple(name, fc.array(fc.boolean(), { minLength: 12, maxLength: 12 })), {
      maxLength: 12,
    })
    fc.assert(
      fc.property(leads, messages, (parts, sent) => {
        const all = parts.map((part) => part.join(''))
        const truth = new Map(all.map((text) => [text, 0]))
        const flows: Record<string, number> = {}
        for (const [exchange, matches] of sent) route(exchange, all, matches, truth, flows)
        const rates = ratesOf(all, flows)
        for (const [text, count] of truth) {
          const { min, max } = rates[text]!
          assert.ok(min <= count && count <= max, `${text}: ${min} <= ${count} <= ${max}`)
        }
      }),
    )
  })
})

/** Takes a message where it goes: to each exchange and queue once. A lead counts when a queue got it by that lead. */
function route(
  start: string,
  leads: string[],
  matches: readonly boolean[],
  truth: Map<string, number>,
  flows: Record<string, number>,
): void {
  const seen = new Set([start])
  const visit = (exchange: string): boolean => {
    let hasArrived = false
    for (const [i, text] of leads.entries()) {
      const { source, kind, destination, isAlways } = lead(text)
      if (source !== exchange || !(isAlways || matches[i]!) || seen.has(destination)) continue
      seen.add(destination)
      if (kind === 'exchange' && !visit(destination)) continue
      if (kind === 'queue') flows[`${start} ${destination}`] = (flows[`${start} ${destination}`] ?? 0) + 1
      truth.set(text, truth.get(text)! + 1)
      hasArrived = true
    }
    return hasArrived
  }
  visit(start)
}
