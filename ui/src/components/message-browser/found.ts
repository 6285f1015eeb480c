import { useSignal, type ReadonlySignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { peekMessages, type MessagePlace, type PeekAnswer, type QueuedMessage } from '../../api/queue-messages.ts'
import { EVERYTHING, type Search } from './search-form.tsx'

const PAGE_SIZE = 50
/** Bytes of each body that a list is read with. */
const LISTED_BYTES = 2000

/** A message that was found, and how to find it again. */
export interface Found extends QueuedMessage {
  /** The page's cursor, and its place on that page. */
  readonly after: string | null
  readonly index: number
}

export interface FoundMessages {
  readonly current: ReadonlySignal<Search>
  /** Null before the first answer. */
  readonly items: ReadonlySignal<readonly Found[] | null>
  readonly next: ReadonlySignal<string | null>
  readonly examined: ReadonlySignal<number>
  readonly search: (search: Search) => Promise<void>
  readonly more: () => Promise<void>
  /** The whole of one; null when it is not there any more. */
  readonly inFull: (message: Found, signal: AbortSignal) => Promise<QueuedMessage | null>
}

/** Messages of a queue or an exchange, page after page. Asked for when somebody wants them, as reading bodies is work. */
export function useFoundMessages(place: MessagePlace, onError: (error: unknown) => void): FoundMessages {
  const current = useSignal(EVERYTHING)
  const items = useSignal<readonly Found[] | null>(null)
  const next = useSignal<string | null>(null)
  const examined = useSignal(0)

  const ask = async (after: string | null): Promise<readonly Found[]> => {
    const { search, from } = current.peek()
    const options = { from, limit: PAGE_SIZE, after, truncate: LISTED_BYTES }
    const answer: PeekAnswer = await peekMessages(place, search, options)
    next.value = answer.next
    examined.value = (after === null ? 0 : examined.peek()) + answer.examined
    return answer.items.map((message, index) => ({ ...message, after, index }))
  }
  const search = async (wanted: Search): Promise<void> => {
    current.value = wanted
    items.value = await ask(null)
  }
  const more = async (): Promise<void> => {
    const further = await ask(next.peek())
    items.value = [...(items.peek() ?? []), ...further]
  }
  const inFull = async (message: Found, signal: AbortSignal): Promise<QueuedMessage | null> => {
    const { search: wanted, from } = current.peek()
    const { after, index, payload_bytes: truncate } = message
    const options = { from, after, limit: index + 1, truncate }
    const answer = await peekMessages(place, wanted, options, signal)
    return answer.items.find(({ id }) => id === message.id) ?? null
  }
  useEffect(() => void search(EVERYTHING).catch(onError), [place.kind, place.vhost, place.name])
  return { current, items, next, examined, search, more, inFull }
}
