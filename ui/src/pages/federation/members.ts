import type { Arguments } from '../../api/types.ts'

/** An upstream in a set, with what the set says otherwise for it. */
export interface Member {
  readonly upstream: string
  readonly others: Arguments
}

/** The upstreams of a set as its parameter names them. */
export function membersOf(value: unknown): readonly Member[] {
  const elements = Array.isArray(value) ? (value as readonly Arguments[]) : []
  return elements.map(({ upstream, ...others }) => ({ upstream: typeof upstream === 'string' ? upstream : '', others }))
}

export const toValue = (members: readonly Member[]): readonly Arguments[] =>
  members.filter(({ upstream }) => upstream !== '').map(({ upstream, others }) => ({ upstream, ...others }))
