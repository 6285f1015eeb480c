import { type Field, long, longstr, type Table } from '../../core/fields.ts'

// The queues of a session, by RabbitMQ's names.

const PREFIX = 'mqtt-subscription-'
const SHARED = '$share/'
const NAME_BYTES_MAX = 255
/** Ten years: no queue may be without use for longer. */
export const EXPIRY_SEC_MAX = 315_360_000
/** Of a session that was not to outlast its connection, after a crash. */
const EXPIRY_SEC_MIN = 1

/** Where a client's messages of QoS 0 pass. */
export const qos0QueueOf = (clientId: string): string => `${PREFIX}${clientId}qos0`
/** Where its messages of QoS 1 and 2 wait. */
export const qos1QueueOf = (clientId: string): string => `${PREFIX}${clientId}qos1`

/** Whose `qos1QueueOf` a queue is; null where it is nobody's. */
export const clientOfQueue = (queue: string): string | null =>
  queue.startsWith(PREFIX) && queue.endsWith('qos1') ? queue.slice(PREFIX.length, -'qos1'.length) : null

/** Whose `qos0QueueOf` a queue is; null where it is nobody's. */
export const clientOfQos0Queue = (queue: string): string | null =>
  queue.startsWith(PREFIX) && queue.endsWith('qos0') ? queue.slice(PREFIX.length, -'qos0'.length) : null

/** What the members of a group share. */
export const sharedQueueOf = (group: string, filter: string): string => `${PREFIX}${SHARED}${group}/${filter}`

/** Whether a queue is one of `sharedQueueOf`. */
export const isSharedQueue = (queue: string): boolean => queue.startsWith(PREFIX + SHARED)

export const isTooLong = (queue: string): boolean => Buffer.byteLength(queue) > NAME_BYTES_MAX

/** What is wrong with a client id as a part of queues' names; null where nothing is. */
export function clientIdProblem(clientId: string): string | null {
  if (isTooLong(qos1QueueOf(clientId))) return 'is too long for the name of a queue'
  return clientId.startsWith(SHARED) ? `begins with ${SHARED}` : null
}

/** @param expirySec Infinity for never */
export function lastingArguments(type: string, expirySec: number): Table {
  const args = new Map<string, Field>([['x-queue-type', longstr(type)]])
  return withExpiry(args, expirySec)
}

/** The arguments with another time without use. @param expirySec Infinity for never */
export function withExpiry(args: Table, expirySec: number): Table {
  const changed = new Map(args)
  changed.delete('x-expires')
  const sec = Math.max(expirySec, EXPIRY_SEC_MIN)
  if (sec < Infinity) changed.set('x-expires', long(Math.min(sec, EXPIRY_SEC_MAX) * 1000))
  return changed
}
