import { sameDeduplication, deduplicationOf } from './deduplication/settings.ts'
import { erlangText } from './erlang-text.ts'
import { sessionName } from './event-facts.ts'
import { equalFields, type Field } from './fields.ts'
import type { Consumer } from './consumer.ts'
import { type Declaration, hidesLevels } from './queues/declaration-change.ts'
import type { Queue } from './queues/queue.ts'

/** Something that a change brings with it besides what was asked for. */
export interface ChangeEffect {
  readonly effect: EffectName
  /** Messages that it is about, as far as they can be counted; null where it is about none. */
  readonly messages: number | null
  /** Whether something is gone for good by it. */
  readonly loses: boolean
  readonly text: string
}

export type EffectName =
  | 'too-long'
  | 'gone-on-restart'
  | 'duplicates-forgotten'
  | 'time-to-live-kept'
  | 'delays-kept'
  | 'priorities-when-read'
  | 'rest-kept'

/** A consumer that the queue cannot have afterwards. */
export interface EndingConsumer {
  readonly consumer: Consumer
  readonly reason: string
}

/** What a change of a queue would come to, or has come to. */
export interface QueueChangeReport {
  readonly type: { readonly from: string; readonly to: string }
  readonly durable: { readonly from: boolean; readonly to: boolean }
  readonly policy: { readonly from: string | null; readonly to: string | null }
  /** Those that differ; null for one that is not there. */
  readonly arguments: readonly { readonly name: string; readonly from: Field | null; readonly to: Field | null }[]
  /** Messages as they are when it is asked. */
  readonly messages: {
    readonly ready: number
    readonly unacked: number
    readonly waiting: number
    readonly delayed: number
    readonly inStore: number
  }
  readonly consumersStaying: number
  readonly consumersEnding: readonly { readonly tag: string; readonly channel: string; readonly reason: string }[]
  readonly effects: readonly ChangeEffect[]
}

/** What a queue would go through to become what a declaration says. Nothing changes. */
export function reportOn(queue: Queue, declaration: Declaration): QueueChangeReport {
  const ending = endingConsumers(queue, declaration)
  return {
    type: { from: queue.type, to: declaration.rules.name },
    durable: { from: queue.durable, to: declaration.durable },
    policy: { from: queue.policy?.name ?? null, to: declaration.policy?.name ?? null },
    arguments: changedArguments(queue, declaration),
    messages: {
      ready: queue.readyCount,
      unacked: queue.unackedCount,
      waiting: queue.heldCount,
      delayed: queue.delays?.count ?? 0,
      inStore: queue.readyInStore + queue.heldInStore.count,
    },
    consumersStaying: queue.consumerCount - ending.length,
    consumersEnding: ending.map(({ consumer, reason }) => ({
      tag: consumer.tag,
      channel: sessionName(consumer.session),
      reason,
    })),
    effects: effectsOf(queue, declaration),
  }
}

function changedArguments(queue: Queue, { arguments: after }: Declaration): QueueChangeReport['arguments'] {
  const names = new Set([...queue.arguments.keys(), ...after.keys()])
  return [...names]
    .map((name) => ({ name, from: queue.arguments.get(name) ?? null, to: after.get(name) ?? null }))
    .filter(
      ({ from, to }) => from === null || to === null || !equalFields(from, to) || erlangText(from) !== erlangText(to),
    )
}

/** The consumers that a queue cannot have any more, and why. */
export function endingConsumers(queue: Queue, { rules, settings }: Declaration): EndingConsumer[] {
  const ending: EndingConsumer[] = []
  for (const consumer of queue.dispatcher.consumers) {
    const reason = reasonToEnd(queue, consumer, { rules, settings })
    if (reason !== null) ending.push({ consumer, reason })
  }
  return ending
}

function reasonToEnd(
  queue: Queue,
  consumer: Consumer,
  { rules, settings }: Pick<Declaration, 'rules' | 'settings'>,
): string | null {
  if (queue.exclusiveConsumer === consumer) {
    if (!rules.exclusiveConsumers) return `a ${rules.name} queue has no exclusive consumers`
    if (settings.singleActiveConsumer) return 'a queue with a single active consumer has no exclusive consumers'
  }
  const isShared = consumer.session.deliveries.sharedPrefetch > 0
  return isShared && !rules.sharedPrefetch ? `a ${rules.name} queue does not support global qos` : null
}

function effectsOf(queue: Queue, declaration: Declaration): ChangeEffect[] {
  const { settings: before } = queue
  const { settings, durable, rules } = declaration
  const effects: ChangeEffect[] = []
  const add = (effect: EffectName, messages: number | null, loses: boolean, text: string): void => {
    effects.push({ effect, messages, loses, text })
  }
  const tooMany = tooLong(queue, declaration)
  if (tooMany !== 0) {
    const where = settings.deadLetterExchange === null ? 'dropped' : `dead-lettered to '${settings.deadLetterExchange}'`
    const isGone = settings.deadLetterExchange === null
    add(
      'too-long',
      tooMany > 0 ? tooMany : null,
      isGone,
      `the oldest messages beyond the new length limit are ${where}`,
    )
  }
  const all = queue.readyCount + queue.unackedCount + queue.heldCount
  if (queue.durable && !durable) {
    add('gone-on-restart', all, true, 'the queue, its bindings and its messages are gone after a restart')
  }
  if (forgetsDuplicates(queue, declaration)) {
    add('duplicates-forgotten', null, true, 'what the queue has seen of duplicates is forgotten')
  }
  const waiting = queue.heldCount
  if (before.ttlMs !== settings.ttlMs && all > 0) {
    add('time-to-live-kept', all, false, 'messages that are in the queue keep the time to live that they came with')
  }
  const delayed = queue.delays?.count ?? 0
  if (delayed > 0 && before.delaying && !settings.delaying) {
    add('delays-kept', delayed, false, 'messages that are delayed wait until they are due all the same')
  }
  const inStore = queue.readyInStore
  if (inStore > 0 && hidesLevels(queue, { rules, settings })) {
    const text = 'messages that are on disk only get their own priorities one after the other, as they are read for it'
    add('priorities-when-read', inStore, false, text)
  }
  if (waiting > 0 && before.retry !== null && settings.retry === null) {
    add('rest-kept', waiting, false, 'messages that wait for their next attempt wait until then all the same')
  }
  return effects
}

/** Ready messages beyond the length limit; -1 where only bytes say so. */
function tooLong(queue: Queue, { settings }: Declaration): number {
  const { maxLength, maxLengthBytes, overflow } = settings
  if (overflow !== 'drop-head') return 0
  const count = queue.readyCount + queue.heldCount
  if (maxLength >= 0 && count > maxLength) return Math.min(queue.readyCount, count - maxLength)
  return maxLengthBytes >= 0 && queue.readyBytes + queue.heldBytes > maxLengthBytes ? -1 : 0
}

function forgetsDuplicates(queue: Queue, { rules, arguments: args, policy, durable }: Declaration): boolean {
  const seen = queue.deduplication?.seen ?? null
  if (seen === null || seen.size.values + seen.size.publishers === 0) return false
  const after = deduplicationOf('queue', rules.name, args, policy)
  if (after === null || durable !== queue.durable) return true
  if (sameDeduplication(seen.settings, after)) return false
  const { settings } = seen
  return (
    settings.header !== after.header ||
    settings.persistent !== after.persistent ||
    settings.cacheSize < 0 !== after.cacheSize < 0 ||
    (settings.publishers && !after.publishers)
  )
}
