import type { ExchangeType } from './exchange-type.ts'

/**
 * Stands in for a type that a durable exchange has and nobody provides any more, since its plugin is not there: the exchange and its
 * bindings are kept for the day it is, and route nothing until then.
 */
export const unknownType = (name: string): ExchangeType => ({
  name,
  cacheable: true,
  create: () => ({ bind() {}, unbind() {}, route() {} }),
})
