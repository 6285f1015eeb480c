import { describeResource, preconditionFailed } from './errors.ts'
import { declarationAfter, isUnchanged, type QueueChangeRequest } from './queue-change-request.ts'
import { endingConsumers, type QueueChangeReport, reportOn } from './queue-change-report.ts'
import { type Declaration, hidesLevels, isRefiled, redeclare, whenPrepared } from './queues/declaration-change.ts'
import { levelsAfterCrash, type LevelRules } from './queues/level-map.ts'
import type { Queue } from './queues/queue.ts'
import { findLevels } from './queues/range-reread.ts'
import type { VHost } from './vhost.ts'

/** Queues whose change is being prepared: one at a time for each. */
const changing = new WeakSet<Queue>()

/**
 * What a change would come to; nothing changes.
 * @throws BrokerError preconditionFailed when it is impossible
 */
export function previewChange(vhost: VHost, queue: Queue, request: QueueChangeRequest): QueueChangeReport {
  const declaration = declarationAfter(vhost.broker, vhost.name, queue, request)
  refuseLastEnding(vhost, queue, declaration)
  return reportOn(queue, declaration)
}

/** What a change has come to. */
export interface QueueChange {
  /** Whether there was anything to change. */
  readonly changed: boolean
  readonly report: QueueChangeReport
  /** Resolves when what is in the store only has its priorities, too: until then messages without one count, and those read meanwhile. */
  readonly settled: Promise<void>
}

/**
 * Changes type, durability or arguments of a queue, with all that is in it and attached to it. After a crash it is wholly what it was, or
 * wholly what it is to be.
 * @param actor whom events name
 * @returns when it is on disk
 * @throws BrokerError preconditionFailed when it is impossible, or another change of this queue goes on
 */
export async function changeQueue(
  vhost: VHost,
  queue: Queue,
  request: QueueChangeRequest,
  actor: string,
): Promise<QueueChange> {
  const resource = describeResource('queue', queue.name, vhost.name)
  if (changing.has(queue)) throw preconditionFailed(`cannot change ${resource}: another change of it goes on`)
  let report = previewChange(vhost, queue, request)
  const wanted = (): Declaration => {
    if (queue.deleted) throw preconditionFailed(`cannot change ${resource}: it was deleted meanwhile`)
    const declaration = declarationAfter(vhost.broker, vhost.name, queue, request)
    refuseLastEnding(vhost, queue, declaration)
    return declaration
  }
  const first = wanted()
  if (isUnchanged(queue, first)) return { changed: false, report, settled: Promise.resolve() }
  changing.add(queue)
  const refiles = isRefiled(queue, first)
  let searches = false
  let settled = Promise.resolve()
  try {
    if (refiles) await announceLevels(vhost, queue)
    await whenPrepared(queue, wanted, (declaration) => {
      report = reportOn(queue, declaration)
      searches = hidesLevels(queue, declaration) && hasOwnLevels(declaration)
      vhost.broker.events.as(actor, () => change(vhost, queue, declaration))
    })
    await vhost.broker.commitMetadata()
  } finally {
    changing.delete(queue)
    // what a new limit drops must not be gone before the limit is on disk
    queue.limit.suspended = false
    if (!queue.deleted) queue.limit.keep()
    if (refiles) settled = settleLevels(vhost, queue, searches)
  }
  return { changed: true, report, settled }
}

/** The queue would go with its last consumer. */
function refuseLastEnding(vhost: VHost, queue: Queue, declaration: Declaration): void {
  const ending = endingConsumers(queue, declaration)
  if (!queue.autoDelete || ending.length === 0 || ending.length < queue.consumerCount) return
  const resource = describeResource('queue', queue.name, vhost.name)
  throw preconditionFailed(
    `cannot change ${resource}: it would be deleted automatically, since its last consumer has to end: ${ending[0]!.reason}`,
  )
}

function change(vhost: VHost, queue: Queue, declaration: Declaration): void {
  const wasDurable = queue.durable
  const { log } = vhost.broker
  for (const { consumer, reason } of endingConsumers(queue, declaration)) {
    const facts = { queue: queue.name, vhost: vhost.name, consumer: consumer.tag, reason }
    log.info('a consumer has ended because its queue was changed', facts)
    consumer.session.consumerCancelled(consumer)
    queue.removeConsumer(consumer)
  }
  queue.limit.suspended = true
  redeclare(queue, declaration)
  vhost.redeclared(queue, wasDurable)
}

/** A queue is loaded whose broker ended before the log had all levels: it may have those of before or of after a change. */
export function distrustLevels(queue: Queue): void {
  const { log, entries } = queue.parts()
  queue.unsettledLevels++
  entries.levelsChanged()
  const levels = levelsAfterCrash(queue)
  const isRight = ({ level }: { readonly level: number }): boolean => levels[level] === level
  if (queue.settings.groups !== null || !log.recovered().every(isRight)) log.relevel(levels)
}

/**
 * Before anything of a change of priorities can be in the log: it and the metadata commit each on its own, so after a crash either may be
 * ahead of the other, and levels are not those of the declaration.
 */
async function announceLevels(vhost: VHost, queue: Queue): Promise<void> {
  queue.unsettledLevels++
  if (!queue.durable) return
  vhost.broker.catalog.putQueue(vhost.name, queue)
  await vhost.broker.commitMetadata()
}

/**
 * Gives ready messages the levels that they have by now, and says in the metadata that the log has them.
 * @param searches whether messages in the store only may be at levels of others
 */
export async function settleLevels(vhost: VHost, queue: Queue, searches = hasOwnLevels(queue)): Promise<void> {
  const { commits, store, catalog } = vhost.broker
  if (searches) await findLevels(queue)
  await commits.upTo(store.lastPosition)
  queue.unsettledLevels--
  if (queue.unsettledLevels > 0 || queue.deleted || !queue.durable) return
  catalog.putQueue(vhost.name, queue)
  vhost.metadataChanged()
}

/** Whether messages have levels of their own, which are not those of their groups. */
const hasOwnLevels = ({ rules, settings }: LevelRules): boolean =>
  rules.levels(settings) > 1 && settings.groups === null
