import type { Channel, Delivery } from '../../amqp-client/index.ts'

/** Requests for one message each that are under way at once. */
const GETS_AT_ONCE = 200

/**
 * The messages of a queue in their order, until it is empty. Many requests for one message each are under way: a consumer would
 * not be told when the queue is empty. Messages have to be settled; those that are not go back to the queue.
 *
 * @param isOver asked before each request: ends it early
 */
export async function* takeMessages(
  channel: Channel,
  queue: string,
  limit: number,
  isOver: () => boolean,
): AsyncGenerator<Delivery> {
  const pending: Promise<Delivery | null>[] = []
  let taken = 0
  for (let isEmpty = false; ;) {
    while (!isEmpty && pending.length < GETS_AT_ONCE && taken + pending.length < limit && !isOver()) {
      const answer = channel.get(queue)
      answer.catch(() => {}) // whoever waits for it hears of it
      pending.push(answer)
    }
    const delivery = await pending.shift()
    if (delivery === undefined) return
    if (delivery === null) {
      isEmpty = true
    } else {
      taken++
      yield delivery
    }
  }
}
