import type { Broker } from './broker.ts'
import { describeResource, preconditionFailed } from './errors.ts'
import { equalTables, type Field, longstr, stringOf, type Table } from './fields.ts'
import { validateQueueArguments } from './queues/arguments.ts'
import { type Declaration, doesSurviveMore, isRefiled } from './queues/declaration-change.ts'
import { computeQueueSettings } from './queues/queue-settings.ts'
import type { Queue } from './queues/queue.ts'

/** What somebody wants changed of a queue; what is absent stays. */
export interface QueueChangeRequest {
  readonly type?: string | undefined
  readonly durable?: boolean | undefined
  /** An argument that is null goes. */
  readonly arguments?: ReadonlyMap<string, Field | null> | undefined
}

/**
 * What a queue would be after a change, with the policies that there are now.
 * @throws BrokerError preconditionFailed when there can be no such queue, or this one cannot become it
 */
export function declarationAfter(
  broker: Broker,
  vhost: string,
  queue: Queue,
  { type = queue.type, durable = queue.durable, arguments: changes = new Map() }: QueueChangeRequest,
): Declaration {
  const resource = describeResource('queue', queue.name, vhost)
  if (queue.rules.keepsNothing === true || broker.queueTypes.get(type)?.keepsNothing === true) {
    throw preconditionFailed(
      `cannot change ${resource}: a queue of the type '${queue.rules.keepsNothing === true ? queue.type : type}' is a protocol's own`,
    )
  }
  const args = argumentsAfter(queue, type, changes, resource)
  if (type === 'stream' && queue.type !== type) {
    throw preconditionFailed(
      `cannot change ${resource} to a stream: a stream keeps what has been consumed, which the queue no longer has`,
    )
  }
  const facts = { name: queue.name, vhost, durable, exclusive: queue.owner !== null, autoDelete: queue.autoDelete }
  const rules = broker.queueTypes.get(type)
  // before its arguments, which are measured by the type
  if (rules === undefined) throw preconditionFailed(`cannot change ${resource}: unknown queue type '${type}'`)
  validateQueueArguments({ ...facts, serverNamed: false, type, arguments: args })
  if (facts.exclusive && durable)
    throw preconditionFailed(`cannot change ${resource}: an exclusive queue is not durable`)
  if (durable && !queue.durable && (queue.delays?.count ?? 0) > 0) {
    throw preconditionFailed(
      `cannot make ${resource} durable while it delays messages (${queue.delays!.count}): wait until they are due, or cancel them`,
    )
  }
  const policy = broker.policies.effectivePolicy('queue', vhost, queue.name, type)
  const settings = computeQueueSettings(type, args, policy)
  const { parkedCount, parkedHere } = queue.parts().ready
  const isAboutAll = isRefiled(queue, { rules, settings }) || doesSurviveMore(queue, { durable, rules })
  if (parkedCount > parkedHere && isAboutAll) {
    throw preconditionFailed(
      `cannot change type or priorities of ${resource}, or make it durable, while messages of busy groups are on disk only ` +
        `(${parkedCount - parkedHere}): try again when there are fewer, or switch message groups off first`,
    )
  }
  return { rules, durable, arguments: args, policy, settings }
}

function argumentsAfter(
  queue: Queue,
  type: string,
  changes: ReadonlyMap<string, Field | null>,
  resource: string,
): Table {
  const args: Table = new Map(queue.arguments)
  for (const [name, field] of changes) {
    if (field === null) args.delete(name)
    else args.set(name, field)
  }
  const named = changes.get('x-queue-type')
  if (named !== undefined && (named === null || stringOf(named) !== type)) {
    throw preconditionFailed(`cannot change 'x-queue-type' of ${resource} as an argument: say 'type'`)
  }
  // what declarations are compared with, also where the queue is older than this rule
  if (type !== queue.type || args.has('x-queue-type')) args.set('x-queue-type', longstr(type))
  return args
}

/** Whether a declaration is what the queue is already. */
export const isUnchanged = (queue: Queue, declaration: Declaration): boolean =>
  queue.rules === declaration.rules &&
  queue.durable === declaration.durable &&
  equalTables(queue.arguments, declaration.arguments)
