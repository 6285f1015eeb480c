import type { Broker } from '../../core/broker.ts'
import { describeResource } from '../../core/errors.ts'
import type { Exchange } from '../../core/exchange.ts'
import { copyOfMessage, type Message } from '../../core/message.ts'
import type { Queue } from '../../core/queues/queue.ts'
import type { Identity } from '../../core/identity.ts'
import type { VHost } from '../../core/vhost.ts'
import { badRequest } from '../api-error.ts'
import type { Job, Jobs } from '../jobs/jobs.ts'
import { exchangeOf } from '../names.ts'
import { changeWaiting } from './delayed-work.ts'
import { ReadyWork, type Treatment } from './ready-work.ts'
import { redriven } from './redrive.ts'
import { Republisher } from './republisher.ts'
import { parseSelection, type SelectBody, type Selection } from './selection.ts'

export type MessageAction = 'delete' | 'move' | 'copy' | 'redrive' | 'cancel' | 'hasten'

export interface ActionBody {
  readonly action: MessageAction
  readonly select: SelectBody
  readonly to?: {
    readonly queue?: string
    readonly exchange?: string
    readonly routing_key?: string | null
    readonly vhost?: string
  }
  /** Ms since the epoch. */
  readonly deliver_at?: number
}

interface ActionParts {
  readonly broker: Broker
  readonly jobs: Jobs
  readonly user: Identity
}

/** Does something with messages of a queue. @throws ApiError, BrokerError for what is seen to be wrong before it begins */
export function startQueueAction(parts: ActionParts, vhost: VHost, queue: Queue, body: ActionBody): Job {
  const target = describeResource('queue', queue.name, vhost.name)
  if (body.action === 'cancel' || body.action === 'hasten') {
    return changeLater(parts, target, { queue, line: queue.delays }, body)
  }
  const selection =
    body.action === 'copy'
      ? parseSelection(body.select, ['ready'], ['ready', 'unacked', 'delayed'])
      : parseSelection(body.select, ['ready'])
  if (body.action === 'delete' && selection.isAll) return purgeLater(parts, vhost, queue)
  const treatment = treatmentOf(parts, vhost, body)
  const facts = { kind: body.action, target, user: parts.user, total: totalOf(selection, queue.readyCount) }
  return start(parts.jobs, facts, treatment.republisher, (job) => new ReadyWork(job, queue, selection, treatment).run())
}

/** Does something with what an exchange keeps. @throws ApiError for what is seen to be wrong before it begins */
export function startExchangeAction(parts: ActionParts, vhost: VHost, exchange: Exchange, body: ActionBody): Job {
  const target = describeResource('exchange', exchange.name, vhost.name)
  if (body.action !== 'cancel' && body.action !== 'hasten') {
    throw badRequest(`'${body.action}' is for messages in queues: those of an exchange can be cancelled or hastened`)
  }
  return changeLater(parts, target, { queue: null, line: exchange.delays }, body)
}

/** Empties a queue; the job lasts until all is freed. */
export function purgeLater({ broker, jobs, user }: ActionParts, vhost: VHost, queue: Queue): Job {
  const facts = { kind: 'purge', target: describeResource('queue', queue.name, vhost.name), user, total: null }
  return jobs.start(facts, async (job) => {
    const before = broker.reclaimer.waiting(queue)
    const count = queue.purge()
    job.total = count
    for (let left = count; left > 0; left = broker.reclaimer.waiting(queue) - before) {
      job.done = count - left
      await job.breathe()
    }
    job.done = count
  })
}

function changeLater(
  { jobs, broker, user }: ActionParts,
  target: string,
  place: Parameters<typeof changeWaiting>[1],
  { action, select, deliver_at: deliverAt }: ActionBody,
): Job {
  const selection = parseSelection(select, ['delayed'])
  const waiting = (place.queue?.heldCount ?? 0) + (place.line?.count ?? 0)
  const facts = { kind: action, target, user, total: totalOf(selection, waiting) }
  const dueAt = action === 'cancel' ? null : (deliverAt ?? broker.clock.now())
  return jobs.start(facts, (job) => changeWaiting(job, place, selection, dueAt))
}

function totalOf({ ids, isAll }: Selection, all: number): number | null {
  if (ids !== null) return ids.queue.size + ids.delayed.size
  return isAll ? all : null
}

function start(
  jobs: Jobs,
  facts: Parameters<Jobs['start']>[0],
  republisher: Republisher | null,
  work: (job: Job) => Promise<void>,
): Job {
  try {
    return jobs.start(facts, (job) => work(job).finally(() => republisher?.close()))
  } catch (error) {
    republisher?.close()
    throw error
  }
}

function treatmentOf({ broker, user }: ActionParts, vhost: VHost, { action, to }: ActionBody): Treatment {
  if (action === 'delete') {
    return { takes: true, stopsWhenRefused: true, republisher: null, treat: () => 'taken' }
  }
  if (action === 'redrive') {
    const republisher = new Republisher(broker, user, vhost.name)
    return {
      takes: true,
      stopsWhenRefused: false,
      republisher,
      treat: (message) => {
        const back = redriven(message, vhost)
        return back === null ? { reason: 'they have not died' } : republisher.publish(back)
      },
    }
  }
  const { address, republisher } = addressOf(broker, user, vhost, to)
  return {
    takes: action === 'move',
    stopsWhenRefused: true,
    republisher,
    treat: (message) => republisher.publish(address(message)),
  }
}

interface Address {
  readonly republisher: Republisher
  /** A copy of a message, addressed to where it is to go. */
  readonly address: (message: Message) => Message
}

/** @throws ApiError 400, BrokerError notFound, accessRefused */
function addressOf(broker: Broker, user: Identity, { name }: VHost, to: ActionBody['to']): Address {
  if (to === undefined || (to.queue === undefined) === (to.exchange === undefined)) {
    throw badRequest(`'to' has to name a queue or an exchange`)
  }
  const vhost = broker.findVhost(to.vhost ?? name)
  const exchange = exchangeOf(to.exchange ?? '')
  const key = to.queue ?? to.routing_key ?? null
  if (to.queue !== undefined) vhost.findQueue(to.queue)
  const republisher = new Republisher(broker, user, vhost.name)
  try {
    republisher.requireAccess(exchange)
  } catch (error) {
    republisher.close()
    throw error
  }
  return { republisher, address: (message) => readdressed(message, exchange, key) }
}

/** @param key null for the message's own, all of them */
function readdressed(message: Message, exchange: string, key: string | null): Message {
  const copy = copyOfMessage(message)
  copy.exchange = exchange
  if (key === null) return copy
  copy.routingKey = key
  copy.extraKeys = null
  return copy
}
