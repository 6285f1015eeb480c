import { after, before } from 'node:test'
import { startBroker, type WarrenBroker } from '../../../src/testkit/start-broker.ts'

/** RabbitMQ's STOMP port to ask instead of our own broker, as `stomp://localhost:61613`; guest may log in there. */
const RABBITMQ = process.env['RABBITMQ_STOMP_URL']

export const isRabbit = RABBITMQ !== undefined

/** Whom the tests of a file ask: a broker of its own, or RabbitMQ. Its queues' names are the test's to choose, and to clean up. */
export function stompTarget(): { readonly url: string } {
  let broker: WarrenBroker | null = null
  const target = { url: RABBITMQ ?? '' }
  before(async () => {
    if (isRabbit) return
    broker = await startBroker({ protocols: ['stomp'] })
    target.url = broker.urls.stomp!
  })
  after(() => broker?.stop())
  return target
}
