import type { Arguments } from '../../api/types.ts'
import type { ArgumentGroup } from './argument-fields.tsx'

/** A table in two: what has a field of its own in the groups, and the rest. */
export function splitKnown(
  values: Arguments,
  groups: readonly ArgumentGroup[],
): { readonly known: Arguments; readonly further: Arguments } {
  const offered = new Set(groups.flatMap(({ fields }) => fields.map(({ key }) => key)))
  const pick = (isKnown: boolean): Arguments =>
    Object.fromEntries(Object.entries(values).filter(([key]) => offered.has(key) === isKnown))
  return { known: pick(true), further: pick(false) }
}
