import { randomBytes } from 'node:crypto'
import type { Consumer } from './consumer.ts'
import type { Message } from './message.ts'
import { ACCEPTED } from './queues/queue.ts'
import type { Target } from './router.ts'

/** The pseudo queue that a client names to get replies without a queue. */
export const DIRECT_REPLY = 'amq.rabbitmq.reply-to'
const PREFIX = `${DIRECT_REPLY}.`

export const isDirectReplyName = (name: string): boolean => name.startsWith(PREFIX)

/** One session's direct reply-to: no queue, no storage. A reply to a client that does not read what it is sent is dropped. */
export class ReplyTarget implements Target {
  readonly kind = 'reply'
  mark = 0
  /** What reply-to becomes in the requests of this session. */
  readonly name = PREFIX + randomBytes(18).toString('base64url')
  readonly consumer: Consumer
  dropped = 0

  constructor(consumer: Consumer) {
    this.consumer = consumer
  }

  publish(message: Message): number {
    if (this.consumer.cancelled) return ACCEPTED
    if (this.consumer.connection.choked) this.dropped++
    else this.consumer.session.deliverReply(this.consumer, message)
    return ACCEPTED
  }

  logs(): boolean {
    return false
  }
}
