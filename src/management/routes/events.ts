import { Type } from 'typebox'
import { requireTag } from '../access.ts'
import { ApiError } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { EventStream } from '../event-stream.ts'

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
