import type { FastifyReply } from 'fastify'
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { Type } from 'typebox'
import type { BrokerEvent } from '../../core/events.ts'
import type { Identity } from '../../core/identity.ts'
import { UndecidedError, whenDecided } from '../../core/undecided.ts'
import type { Clock, Timer } from '../../util/clock.ts'
import { canSeeVhost, hasTag, requireTag } from '../access.ts'
import { ApiError } from '../api-error.ts'
import type { Routes } from '../app.ts'
import type { ManagementHost } from '../management-host.ts'

/** Unread bytes after which a reader has to connect again: the broker does not store events for it. */
const UNREAD_BYTES_MAX = 1024 * 1024
/** Events of which a back end is being asked whether the reader may hear of them; as above beyond it. */
const UNDECIDED_MAX = 1000
const HEARTBEAT_MS = 15_000
const STREAMS_MAX = 1000

const Query = Type.Object({
  kinds: Type.Optional(
    Type.String({ description: 'First words of the names that are wanted, with commas: queue,connection' }),
  ),
})

const EVENT_STREAM = Type.String({ contentMediaType: 'text/event-stream' })

/** What happens in the broker, as it happens: server-sent events. */
export const eventRoutes: Routes = (app, { host }) => {
  const streams = new Set<EventStream>()

  app.get(
    '/events',
    { schema: { summary: 'Stream of events', querystring: Query, answers: { 200: EVENT_STREAM } } },
    (request, reply) => {
      const user = requireTag(request, 'management')
      if (streams.size >= STREAMS_MAX)
        throw new ApiError(503, 'too_many_streams', `there are ${STREAMS_MAX} streams already`)
      const { kinds } = request.query as { kinds?: string }
      const stream = new EventStream(host, user, kinds === undefined ? null : new Set(kinds.split(',')), reply)
      streams.add(stream)
      reply.raw.on('close', () => {
        stream.close()
        streams.delete(stream)
      })
    },
  )

  // an open stream would keep the server from closing
  app.addHook('preClose', async () => {
    for (const stream of streams) stream.close()
  })
}

class EventStream {
  readonly #response: ServerResponse
  readonly #clock: Clock
  readonly #end: () => void
  #undecided = 0
  #timer: Timer

  constructor({ broker }: ManagementHost, user: Identity, kinds: ReadonlySet<string> | null, reply: FastifyReply) {
    reply.hijack()
    this.#response = reply.raw
    this.#clock = broker.clock
    this.#response.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    })
    this.#response.write(': events from now on\n\n')
    const isWanted = (event: BrokerEvent): boolean =>
      (kinds === null || kinds.has(event.name.split('.', 1)[0]!)) && mayHear(event)
    const mayHear = ({ vhost, facts }: BrokerEvent): boolean => {
      if (hasTag(user, 'monitoring')) return true
      if (vhost === null || !canSeeVhost(user, vhost)) return false
      // of connections, a user sees its own
      return !('user' in facts) || facts['user'] === user.name
    }
    this.#end = broker.events.listen((event) => this.#tell(event, isWanted))
    this.#timer = this.#beat(user.expiresAt ?? Infinity)
  }

  #tell(event: BrokerEvent, isWanted: (event: BrokerEvent) => boolean): void {
    try {
      if (isWanted(event)) this.#send(event)
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      void this.#tellWhenDecided(event, isWanted)
    }
  }

  async #tellWhenDecided(event: BrokerEvent, isWanted: (event: BrokerEvent) => boolean): Promise<void> {
    if (this.#undecided >= UNDECIDED_MAX) return this.close()
    this.#undecided++
    const wanted = await whenDecided(() => isWanted(event))
    this.#undecided--
    if (wanted && !this.#response.writableEnded) this.#send(event)
  }

  /** @param endsAt when the reader's token expires, in ms since the epoch */
  #beat(endsAt: number): Timer {
    return this.#clock.schedule(HEARTBEAT_MS, {
      onTimer: () => {
        if (this.#clock.now() >= endsAt) return this.close()
        this.#write(': still here\n\n')
        this.#timer = this.#beat(endsAt)
      },
    })
  }

  #send({ name, at, actor, facts }: BrokerEvent): void {
    const data = JSON.stringify({ ...facts, timestamp_in_ms: at, user_who_performed_action: actor })
    this.#write(`event: ${name}\ndata: ${data}\n\n`)
  }

  #write(text: string): void {
    if (this.#response.writableLength > UNREAD_BYTES_MAX) this.close()
    else this.#response.write(text)
  }

  close(): void {
    this.#end()
    this.#timer.cancel()
    this.#response.end()
  }
}
