import { type Looked, type LookedState, parseId } from '../../core/queues/look.ts'
import { badRequest } from '../api-error.ts'
import { MessageFilter, type MessageQuery } from '../../core/message-filter.ts'
import { type PeekQuery, statesOf } from './peek.ts'

/** As in the body of a request: ids, what to search for, or all. */
export type SelectBody =
  | 'all'
  | { readonly ids: readonly string[] }
  | (MessageQuery & { readonly state?: PeekQuery['state']; readonly limit?: number })

/** Which messages an action is for. */
export interface Selection {
  /** Null where they are searched for. Those in a delay line are apart, since they have numbers of their own. */
  readonly ids: { readonly queue: ReadonlySet<number>; readonly delayed: ReadonlySet<number> } | null
  readonly states: ReadonlySet<LookedState>
  readonly filter: MessageFilter
  /** Of those that are found, at most so many. */
  readonly limit: number
  /** Whether nothing is left out that is in these states. */
  readonly isAll: boolean
}

/**
 * @param possible the states of which the action takes messages; those that it takes unless told otherwise are `states`
 * @throws ApiError 400
 */
export function parseSelection(
  select: SelectBody,
  states: readonly LookedState[],
  possible: readonly LookedState[] = states,
): Selection {
  if (select === 'all') return selectionOf({}, new Set(states), true)
  if ('ids' in select) return ofIds(select.ids, possible)
  const wanted = select.state === undefined ? new Set(states) : statesOf(select.state)
  const impossible = select.state !== undefined && [...wanted].some((state) => !possible.includes(state))
  if (impossible) throw badRequest(`this action is for messages that are ${possible.join(' or ')}`)
  const { limit = Infinity } = select
  const selection = selectionOf(select, wanted, limit === Infinity)
  return { ...selection, limit }
}

function selectionOf(query: MessageQuery, states: ReadonlySet<LookedState>, isUnlimited: boolean): Selection {
  const filter = new MessageFilter(query)
  return { ids: null, states, filter, limit: Infinity, isAll: isUnlimited && filter.isEmpty }
}

function ofIds(texts: readonly string[], possible: readonly LookedState[]): Selection {
  const queue = new Set<number>()
  const delayed = new Set<number>()
  for (const text of texts) {
    const id = parseId(text)
    if (id === null) throw badRequest(`'${text}' is no id of a message`)
    if (id.delayed && !possible.includes('delayed')) {
      throw badRequest(`message ${text} is not due yet: this action is for messages that are ${possible.join(' or ')}`)
    }
    if (id.delayed) delayed.add(id.number)
    else queue.add(id.number)
  }
  return {
    ids: { queue, delayed },
    states: new Set(possible),
    filter: new MessageFilter({}),
    limit: Infinity,
    isAll: false,
  }
}

export function isSelected({ ids, filter }: Selection, { place, message }: Looked): boolean {
  if (ids === null) return filter.matches(message)
  return (place.section === 'delayed' ? ids.delayed : ids.queue).has(place.number)
}
