import type { HttpApi } from '../api/http.ts'
import { ApiError } from '../api/http.ts'
import type { QueueMessage } from '../api/messages.ts'
import { route } from '../api/route.ts'
import type { CommandOption } from '../command-spec.ts'
import { CliError, UsageError } from '../errors.ts'
import { EXIT } from '../exit-codes.ts'
import { LIMIT_OPTION, type ToolContext } from './tool.ts'

/** Which messages of a queue: the filters of `GET /api/queues/{vhost}/{queue}/messages`. */
export interface Selection {
  readonly state: string
  readonly header?: readonly string[]
  readonly key?: string
  readonly body?: string
  readonly limit?: number
}

const STATES = ['ready', 'unacked', 'delayed', 'all']

export const SELECTION_OPTIONS: readonly CommandOption[] = [
  {
    flags: '--header <name[=value]>',
    help: 'only messages with this header; commas separate several, which all have to match',
  },
  { flags: '--key <routing-key>', help: 'only messages with this routing key; * stands for any text' },
  { flags: '--body <text>', help: 'only messages with this text in their body' },
  LIMIT_OPTION,
]

export const STATE_OPTION: CommandOption = {
  flags: '--state <state>',
  help: `which ones (ready): ${STATES.join(', ')}`,
  completion: STATES,
}

export function readSelection({ option, number }: ToolContext): Selection {
  const state = option('state') ?? 'ready'
  if (!STATES.includes(state)) throw new UsageError(`--state is one of ${STATES.join(', ')}`)
  const [header, key, body, limit] = [option('header')?.split(','), option('key'), option('body'), number('limit')]
  return {
    state,
    ...(header !== undefined && { header }),
    ...(key !== undefined && { key }),
    ...(body !== undefined && { body }),
    ...(limit !== undefined && { limit }),
  }
}

export const isFiltered = ({ header, key, body }: Selection): boolean =>
  [header, key, body].some((one) => one !== undefined)

/** More than the broker takes: bodies come whole. */
const WHOLE_BODY_BYTES = 2 ** 30
const PAGE = 50

interface Page {
  readonly items: readonly QueueMessage[]
  readonly next: string | null
}

/** The selected messages of a queue, from its head on, without marking them. */
export async function* readMessages(
  api: HttpApi,
  vhost: string,
  queue: string,
  selection: Selection,
  signal: AbortSignal,
): AsyncGenerator<QueueMessage> {
  let left = selection.limit ?? Infinity
  let after: string | null = null
  while (left > 0) {
    signal.throwIfAborted()
    const query = new URLSearchParams({
      state: selection.state,
      limit: String(Math.min(PAGE, left)),
      truncate: String(WHOLE_BODY_BYTES),
      ...(selection.key !== undefined && { key: selection.key }),
      ...(selection.body !== undefined && { body: selection.body }),
      ...(after !== null && { after }),
    })
    for (const header of selection.header ?? []) query.append('header', header)
    const page = await readPage(api, `${route`/queues/${vhost}/${queue}/messages`}?${query.toString()}`, vhost, queue)
    yield* page.items
    left -= page.items.length
    if (page.next === null) return
    after = page.next
  }
}

async function readPage(api: HttpApi, path: string, vhost: string, queue: string): Promise<Page> {
  try {
    return await api.get<Page>(path)
  } catch (error) {
    if (!(error instanceof ApiError) || (error.status !== 404 && error.status !== 405)) throw error
    const known = await api.find(`${route`/queues/${vhost}/${queue}`}?columns=name`)
    if (known === null) throw noQueue(vhost, queue)
    throw new CliError(
      EXIT.unavailable,
      'the node does not show messages without taking them: it is no WarrenMQ (warren export --consume takes them)',
      {
        cause: error,
      },
    )
  }
}

export const noQueue = (vhost: string, queue: string): CliError =>
  new CliError(EXIT.unavailable, `there is no queue '${queue}' in vhost '${vhost}'`)
