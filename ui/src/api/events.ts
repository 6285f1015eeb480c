import { send } from './http.ts'

/** Something that happened in the broker. */
export interface BrokerEvent {
  /** Such as `queue.created`. */
  readonly name: string
  /** Its properties, among them `timestamp_in_ms` and `user_who_performed_action`. */
  readonly facts: Readonly<Record<string, unknown>>
}

/**
 * What happens from now on, until the signal aborts or the broker ends the stream.
 * @throws ApiError 404 where the broker has no such stream
 */
export async function* streamEvents(signal: AbortSignal): AsyncGenerator<BrokerEvent> {
  const response = await send('GET', 'events', { signal, headers: { accept: 'text/event-stream' } })
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let unread = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const blocks = (unread + value).split('\n\n')
    unread = blocks.pop()!
    for (const block of blocks) {
      const event = parseBlock(block)
      if (event !== null) yield event
    }
  }
}

/** Null for comments, by which the broker keeps the stream alive. */
function parseBlock(block: string): BrokerEvent | null {
  let name = ''
  let data = ''
  for (const line of block.split('\n')) {
    if (line.startsWith('event: ')) name = line.slice('event: '.length)
    else if (line.startsWith('data: ')) data += line.slice('data: '.length)
  }
  return data === '' ? null : { name, facts: JSON.parse(data) as BrokerEvent['facts'] }
}
