import type { Arguments } from '../../api/types.ts'

/** A shovel's parameter. Every key is one of RabbitMQ's. */
export type ShovelDefinition = Arguments

/** Keys without a prefix are what older versions called them. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  'prefetch-count': 'src-prefetch-count',
  'delete-after': 'src-delete-after',
  'add-forward-headers': 'dest-add-forward-headers',
  'add-timestamp-header': 'dest-add-timestamp-header',
  'publish-properties': 'dest-publish-properties',
}

/** The same with today's names, of which a form has fields. */
export const withNewNames = (definition: ShovelDefinition): ShovelDefinition =>
  Object.fromEntries(
    Object.entries(definition).map(([key, value]) => {
      const name = OLD_NAMES[key] ?? key
      return [name, definition[name] ?? value]
    }),
  )

export interface End {
  /** `own`: messages go to the exchange that they were published to. Only a destination can be that. */
  readonly kind: 'queue' | 'exchange' | 'own'
  /** Of the queue or exchange. */
  readonly name: string
  /** Of an exchange; '' for none. */
  readonly key: string
}

export type Side = 'src' | 'dest'

/** Keys that say what an end is. */
export const endKeys = (side: Side): readonly string[] =>
  ['uri', 'queue', 'exchange', 'exchange-key'].map((key) => `${side}-${key}`)

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

export function endOf(definition: ShovelDefinition, side: Side): End {
  const queue = definition[`${side}-queue`]
  const exchange = definition[`${side}-exchange`]
  const isNew = Object.keys(definition).length === 0
  const kind = exchange !== undefined ? 'exchange' : queue !== undefined || side === 'src' || isNew ? 'queue' : 'own'
  return { kind, name: text(exchange ?? queue), key: text(definition[`${side}-exchange-key`]) }
}

/** An end in the parameter's words. */
export function endEntries(side: Side, { kind, name, key }: End): ShovelDefinition {
  const keyEntry = key === '' ? {} : { [`${side}-exchange-key`]: key }
  if (kind === 'queue') return { [`${side}-queue`]: name }
  // A key alone is no mistake: messages keep their exchange and get another routing key.
  return kind === 'own' ? keyEntry : { [`${side}-exchange`]: name, ...keyEntry }
}

/** When a shovel is done. */
export interface DeleteAfter {
  readonly kind: 'never' | 'queue-length' | 'count'
  /** Messages, as typed. */
  readonly count: string
}

export function deleteAfterOf(value: unknown): DeleteAfter {
  if (typeof value === 'number') return { kind: 'count', count: String(value) }
  return { kind: value === 'queue-length' ? value : 'never', count: '' }
}

/** Undefined where it goes on for ever, as it does by itself. */
export function deleteAfterValue({ kind, count }: DeleteAfter): unknown {
  if (kind === 'never') return undefined
  return kind === 'count' ? Number(count) : kind
}
