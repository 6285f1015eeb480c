import type { IncomingMessage } from 'node:http'

export interface ServerEvent {
  readonly event: string
  readonly data: string
}

/** The server-sent events (`text/event-stream`) of an answer, until it ends. */
export async function* readEvents(response: IncomingMessage): AsyncGenerator<ServerEvent> {
  let event = 'message'
  let data: string[] = []
  for await (const line of readLines(response)) {
    if (line === '') {
      if (data.length > 0) yield { event, data: data.join('\n') }
      event = 'message'
      data = []
      continue
    }
    const [, field = '', value = ''] = /^([^:]*):? ?(.*)$/.exec(line) ?? []
    if (field === 'event') event = value
    else if (field === 'data') data.push(value)
  }
}

async function* readLines(response: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of response.setEncoding('utf8')) {
    const lines = (rest + (chunk as string)).split(/\r?\n/)
    rest = lines.pop()!
    yield* lines
  }
}
