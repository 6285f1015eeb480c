import type { Looked, LookOptions, LookVisitor, LookedState, Place } from '../../core/queues/look.ts'
import { SECTIONS } from '../../core/queues/look.ts'
import { badRequest } from '../api-error.ts'
import { lookedToJson } from '../objects/looked-message.ts'
import { MessageFilter, type MessageQuery } from '../../core/message-filter.ts'

/** Messages looked at for one answer. */
const EXAMINED_MAX = 100_000
/** Bytes of bodies in one answer, about: then it is at an end, wherever it is. */
const ANSWER_BYTES = 16 * 1024 * 1024

export interface PeekQuery extends MessageQuery {
  readonly state?: 'ready' | 'unacked' | 'delayed' | 'all'
  readonly limit?: number
  readonly after?: string
  readonly from?: 'head' | 'tail'
  readonly truncate?: number
}

const LIMIT_DEFAULT = 50
const TRUNCATE_DEFAULT = 50_000

const ALL: readonly LookedState[] = ['ready', 'unacked', 'delayed']

export const statesOf = (state: PeekQuery['state'] = 'all'): ReadonlySet<LookedState> =>
  new Set(state === 'all' ? ALL : [state])

/**
 * A page of messages. Nothing changes.
 * @param look shows them
 * @throws ApiError 400 for an `after` that is none
 */
export async function peek(
  query: PeekQuery,
  look: (options: LookOptions, visit: LookVisitor) => Promise<void>,
): Promise<Record<string, unknown>> {
  const { limit = LIMIT_DEFAULT, truncate = TRUNCATE_DEFAULT } = query
  const filter = new MessageFilter(query)
  const items: Record<string, unknown>[] = []
  let examined = 0
  let bytes = 0
  let last: Place | null = null
  let next: string | null = null
  const isFull = (): boolean => items.length === limit || examined === EXAMINED_MAX || bytes > ANSWER_BYTES
  const visit = (looked: Looked): boolean => {
    if (isFull()) {
      next = last === null ? null : placeToText(last)
      return false
    }
    examined++
    last = looked.place
    if (!filter.matches(looked.message)) return true
    items.push(lookedToJson(looked, truncate))
    bytes += Math.min(truncate, looked.message.bodyLength)
    return true
  }
  const after = query.after === undefined || query.after === '' ? null : placeFromText(query.after)
  await look({ states: statesOf(query.state), fromTail: query.from === 'tail', after }, visit)
  return { items, next, examined }
}

const placeToText = ({ section, order, number }: Place): string => `${section}-${order}-${number}`

function placeFromText(text: string): Place {
  const [name, order, number, ...rest] = text.split('-')
  const section = SECTIONS.find((known) => known === name)
  const isPlace = section !== undefined && rest.length === 0 && /^\d+$/.test(order ?? '') && /^\d+$/.test(number ?? '')
  if (!isPlace) throw badRequest(`'after' has to be the 'next' of an answer, not '${text}'`)
  return { section, order: Number(order), number: Number(number) }
}
