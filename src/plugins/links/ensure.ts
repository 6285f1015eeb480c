import { type AmqpConnection, AmqpReplyError, type Channel, type QueueOptions } from '../../amqp-client/index.ts'
import { REPLY_CODES } from '../../core/reply-codes.ts'

/**
 * Declares a queue only if there is none of that name: one that is there may have been declared in another way. Null: it has to be there.
 * @throws AmqpClientError
 */
export async function ensureQueue(
  connection: AmqpConnection,
  name: string,
  options: QueueOptions | null,
): Promise<void> {
  await ensure(
    connection,
    (channel) => channel.checkQueue(name),
    options === null ? null : (channel) => channel.declareQueue(name, options),
  )
}

/**
 * Does the second where the first finds nothing. Each has a channel of its own, since a refusal costs the channel.
 * @throws AmqpClientError
 */
export async function ensure(
  connection: AmqpConnection,
  check: (channel: Channel) => Promise<unknown>,
  create: ((channel: Channel) => Promise<unknown>) | null,
): Promise<void> {
  try {
    const channel = await connection.openChannel()
    await check(channel)
    await channel.close()
  } catch (error) {
    const isMissing = error instanceof AmqpReplyError && error.replyCode === REPLY_CODES.notFound.code
    if (!isMissing || create === null) throw error
    const channel = await connection.openChannel()
    await create(channel)
    await channel.close()
  }
}
