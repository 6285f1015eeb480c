import { Type } from 'typebox'
import type { Field } from '../../core/fields.ts'
import { fieldFromJson, fieldToJson } from '../../core/fields-json.ts'
import type { QueueChangeReport } from '../../core/queue-change-report.ts'
import { callerOf } from '../access.ts'
import type { Routes } from '../app.ts'
import { actAs } from '../in-process.ts'
import { requireQueue } from '../lookup.ts'
import { ANY_OBJECT } from '../openapi.ts'

const Change = Type.Object(
  {
    type: Type.Optional(Type.String({ description: 'Of the queue; as it is where it is absent' })),
    durable: Type.Optional(Type.Boolean()),
    arguments: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), { description: 'Those that change; null takes one away' }),
    ),
  },
  { additionalProperties: false },
)

const Options = Type.Object({
  preview: Type.Optional(Type.Boolean({ description: 'Say what would happen, and change nothing' })),
})

/** Type, durability and arguments of a queue change in place. */
export const queueChangeRoutes: Routes = (app, { host: { broker } }) => {
  const summary = 'Change type, durability or arguments of a queue'
  const schema = { summary, tags: ['Queues'], body: Change, answers: { 200: ANY_OBJECT } }
  app.post('/queues/:vhost/:queue/change', { schema: { ...schema, querystring: Options } }, async (request) => {
    const { vhost, found } = requireQueue(request, broker)
    const {
      type,
      durable,
      arguments: args = {},
    } = request.body as {
      type?: string
      durable?: boolean
      arguments?: Record<string, unknown>
    }
    const changes = new Map<string, Field | null>(
      Object.entries(args).map(([name, value]) => [name, value === null ? null : fieldFromJson(value)]),
    )
    const act = (request.query as { preview?: boolean }).preview !== true
    const wanted = { type, durable, arguments: changes }
    const { changed, report } = await actAs(broker, callerOf(request).user, vhost.name, ({ topology }) =>
      topology.changeQueue(found.name, wanted, act),
    )
    return { queue: found.name, vhost: vhost.name, changed, ...reportJson(report) }
  })
}

const reportJson = (report: QueueChangeReport): object => ({
  type: report.type,
  durable: report.durable,
  policy: report.policy,
  arguments: report.arguments.map(({ name, from, to }) => ({ name, from: valueOf(from), to: valueOf(to) })),
  messages: {
    ready: report.messages.ready,
    unacknowledged: report.messages.unacked,
    waiting: report.messages.waiting,
    delayed: report.messages.delayed,
    on_disk_only: report.messages.inStore,
  },
  consumers: {
    stay: report.consumersStaying,
    end: report.consumersEnding.map(({ tag, channel, reason }) => ({ consumer_tag: tag, channel, reason })),
  },
  effects: report.effects,
})

const valueOf = (field: Field | null): unknown => (field === null ? null : fieldToJson(field))
