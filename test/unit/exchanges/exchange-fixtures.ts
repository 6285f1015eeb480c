import assert from 'node:assert/strict'

import { BrokerError } from '../../../src/core/errors.ts'
import type {
  Binding,
  Destination,
  ExchangeFacts,
  ExchangeHost,
  ExchangeRouter,
  ExchangeType,
} from '../../../src/core/exchanges/exchange-type.ts'
import { longstr } from '../../../src/core/fields.ts'
import type { Field, Table } from '../../../src/core/fields.ts'
import { Properties } from '../../../src/core/message.ts'
import type { Routable } from '../../../src/core/message.ts'

export const queue = (name: string, type = 'classic'): Destination => ({ kind: 'queue', name, type })
export const exchange = (name: string): Destination => ({ kind: 'exchange', name, type: 'fanout' })

/** Strings stand for longstr. */
export function tableOf(entries: Readonly<Record<string, Field | string>> = {}): Table {
  return new Map(
    Object.entries(entries).map(([key, value]) => [key, typeof value === 'string' ? longstr(value) : value]),
  )
}

export const bindingTo = (destination: Destination, key = '', args: Table = new Map()): Binding => ({
  source: 'x',
  destination,
  key,
  arguments: args,
})

export const facts = (args: Table = new Map()): ExchangeFacts => ({
  name: 'x',
  vhost: '/',
  durable: true,
  arguments: args,
})

export interface MessageOptions {
  readonly extraKeys?: readonly string[]
  readonly headers?: Table
  readonly properties?: Partial<Properties>
}

export function message(routingKey = '', options: MessageOptions = {}): Routable {
  const properties = Object.assign(new Properties(), { headers: options.headers ?? null }, options.properties)
  return { routingKey, extraKeys: options.extraKeys ?? null, properties: () => properties }
}

/** Counts what a router holds on to. */
export class CountingHost implements ExchangeHost {
  readonly references = new Map<Routable, number>()

  retain(routable: Routable): void {
    this.references.set(routable, (this.references.get(routable) ?? 0) + 1)
  }

  release(routable: Routable): void {
    const count = this.references.get(routable) ?? 0
    assert.ok(count > 0, 'released more often than retained')
    if (count === 1) this.references.delete(routable)
    else this.references.set(routable, count - 1)
  }
}

export const createRouter = (type: ExchangeType, args: Table = new Map(), host = new CountingHost()): ExchangeRouter =>
  type.create(facts(args), host)

export function destinationsOf(router: ExchangeRouter, routable: Routable): Set<Destination> {
  const destinations = new Set<Destination>()
  router.route(routable, destinations)
  return destinations
}

/** Where it goes, sorted. */
export const namesOf = (router: ExchangeRouter, routable: Routable): string[] =>
  [...destinationsOf(router, routable)].map((destination) => destination.name).sort()

export function assertRefused(action: () => unknown, text: string | RegExp): void {
  assert.throws(action, (error) => {
    assert.ok(error instanceof BrokerError)
    assert.equal(error.kind, 'preconditionFailed')
    if (typeof text === 'string') assert.equal(error.message, text)
    else assert.match(error.message, text)
    return true
  })
}
