import { signal, type Signal } from '@preact/signals'
import type { Arguments } from '../../api/types.ts'
import { splitKnown } from '../../components/arguments/split-known.ts'
import { areSound, rowsOf, urisOf, type UriRow } from '../../components/uris/uri-rows.ts'
import {
  type DeleteAfter,
  deleteAfterOf,
  deleteAfterValue,
  type End,
  endEntries,
  endKeys,
  endOf,
  type ShovelDefinition,
  type Side,
  withNewNames,
} from './definition.ts'
import { endFields, tableFields } from './shovel-fields.ts'

export interface EndSignals {
  readonly uris: Signal<readonly UriRow[]>
  readonly kind: Signal<End['kind']>
  readonly name: Signal<string>
  readonly key: Signal<string>
}

/** A shovel's definition while it is written. */
export interface ShovelSignals {
  readonly src: EndSignals
  readonly dest: EndSignals
  readonly ackMode: Signal<'on-confirm' | 'on-publish' | 'no-ack'>
  readonly reconnectDelay: Signal<string>
  readonly deleteAfter: Signal<DeleteAfter['kind']>
  readonly deleteCount: Signal<string>
  /** Of keys that have fields among the further ones. */
  readonly known: Signal<Arguments>
  readonly tables: readonly { readonly key: string; readonly values: Signal<Arguments> }[]
  readonly further: Signal<Arguments>
}

const GENERAL_KEYS = ['ack-mode', 'reconnect-delay', 'src-delete-after']

const isTable = (value: unknown): value is Arguments =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function toSignals(given: ShovelDefinition): ShovelSignals {
  const definition = withNewNames(given)
  const end = (side: Side): EndSignals => {
    const { kind, name, key } = endOf(definition, side)
    const uris = rowsOf(definition[`${side}-uri`])
    return { uris: signal(uris), kind: signal<End['kind']>(kind), name: signal(name), key: signal(key) }
  }
  const tables = tableFields().map(({ key }) => {
    const value = definition[key]
    return { key, values: signal(isTable(value) ? value : {}) }
  })
  const own = new Set([...endKeys('src'), ...endKeys('dest'), ...GENERAL_KEYS, ...tables.map(({ key }) => key)])
  const rest = Object.fromEntries(Object.entries(definition).filter(([key]) => !own.has(key)))
  const { known, further } = splitKnown(rest, [endFields('src'), endFields('dest')])
  const { kind, count } = deleteAfterOf(definition['src-delete-after'])
  return {
    src: end('src'),
    dest: end('dest'),
    ackMode: signal((definition['ack-mode'] ?? 'on-confirm') as 'on-confirm'),
    reconnectDelay: signal(String(definition['reconnect-delay'] ?? '')),
    deleteAfter: signal<DeleteAfter['kind']>(kind),
    deleteCount: signal(count),
    known: signal(known),
    tables,
    further: signal(further),
  }
}

/** The parameter's value. What is left out is the broker's own choice. */
export function toDefinition(form: ShovelSignals): ShovelDefinition {
  const end = (side: Side): Arguments => {
    const { uris, kind, name, key } = form[side]
    const given = endEntries(side, { kind: kind.value, name: name.value, key: kind.value === 'queue' ? '' : key.value })
    return { [`${side}-uri`]: urisOf(uris.value), ...given }
  }
  const delay = form.reconnectDelay.value.trim()
  const tables = form.tables.filter(({ values }) => Object.keys(values.value).length > 0)
  const all = {
    ...end('src'),
    ...end('dest'),
    'ack-mode': form.ackMode.value,
    'reconnect-delay': delay === '' ? undefined : Number(delay),
    'src-delete-after': deleteAfterValue({ kind: form.deleteAfter.value, count: form.deleteCount.value }),
    ...form.known.value,
    ...Object.fromEntries(tables.map(({ key, values }) => [key, values.value])),
    ...form.further.value,
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

/** Whether there is enough of it to be sent. The broker says what else is wrong. */
export function isComplete({ src, dest, deleteAfter, deleteCount }: ShovelSignals): boolean {
  const isNamed = ({ kind, name }: EndSignals): boolean => kind.value === 'own' || name.value !== ''
  const ends = deleteAfter.value !== 'count' || deleteCount.value.trim() !== ''
  return isNamed(src) && isNamed(dest) && ends && areSound(src.uris.value) && areSound(dest.uris.value)
}
