import type { Exchange } from './exchange.ts'
import { MessageCounters } from './message-counters.ts'
import type { DeathReason } from './message.ts'
import { QueueCounters } from './queues/queue-host.ts'
import type { Queue } from './queues/queue.ts'
import type { DeadLetterStrategy } from './queues/queue-settings.ts'
import type { Session } from './session.ts'

export type DeathCounts = Record<DeathReason, number>

/**
 * Plain numbers that only rise; rates are computed by whoever asks. Messages are counted by sessions (see `Broker.messageCounters`),
 * queues and exchanges: of those that are gone, their counts are kept here.
 */
export class BrokerCounters {
  /** All dead letters. */
  readonly deadLettered: DeathCounts = noDeaths()
  /** The same by type of queue and strategy. */
  readonly deadLetters = new Map<string, Record<DeadLetterStrategy, DeathCounts>>()
  connectionsOpened = 0
  connectionsClosed = 0
  sessionsOpened = 0
  sessionsClosed = 0
  /** Declarations that made a queue. */
  queuesCreated = 0
  /** All declarations of queues. */
  queuesDeclared = 0
  queuesDeleted = 0
  /** Batches of metadata that were committed. */
  metadataCommits = 0
  /** What sessions that have ended counted, and messages that came due without one. */
  readonly pastMessages = new MessageCounters()
  /** Those of them that are counted apart, by what their protocol is counted as. */
  readonly pastCountedAs = new Map<string, MessageCounters>()
  /** Of `pastMessages.published`, what was published in confirm mode. */
  pastConfirmPublished = 0
  /** What deleted queues counted, by type. */
  readonly pastQueues = new Map<string, QueueCounters>()
  /** Messages that deleted exchanges handed on, and duplicates that they left out. */
  pastPublishedOut = 0
  pastDeduplicated = 0

  deadLetter({ type }: Queue, strategy: DeadLetterStrategy, reason: DeathReason): void {
    this.deadLettered[reason]++
    let ofType = this.deadLetters.get(type)
    if (ofType === undefined) {
      ofType = { 'at-most-once': noDeaths(), 'at-least-once': noDeaths() }
      this.deadLetters.set(type, ofType)
    }
    ofType[strategy][reason]++
  }

  sessionEnded({ counters, publishing, connection }: Session): void {
    this.pastMessages.add(counters)
    const { countedAs } = connection.facts
    if (countedAs !== undefined) {
      let apart = this.pastCountedAs.get(countedAs)
      if (apart === undefined) this.pastCountedAs.set(countedAs, (apart = new MessageCounters()))
      apart.add(counters)
    }
    if (publishing.confirms !== null) this.pastConfirmPublished += counters.published
  }

  exchangeDeleted({ publishedOut, deduplicated }: Exchange): void {
    this.pastPublishedOut += publishedOut
    this.pastDeduplicated += deduplicated
  }

  queueDeleted({ type, counters }: Queue): void {
    this.queuesDeleted++
    let past = this.pastQueues.get(type)
    if (past === undefined) this.pastQueues.set(type, (past = new QueueCounters()))
    past.add(counters)
  }
}

const noDeaths = (): DeathCounts => ({ rejected: 0, expired: 0, maxlen: 0, delivery_limit: 0 })
