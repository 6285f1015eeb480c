import { composeMessage, Properties } from '../../core/message.ts'
import type { Session } from '../../core/session.ts'
import { requireVhost } from '../access.ts'
import type { Routes } from '../app.ts'
import { asConsumer } from '../channel-error.ts'
import { actAs } from '../in-process.ts'
import { ANY_OBJECT } from '../openapi.ts'
import { described } from '../route-schema.ts'

const QUEUE = 'aliveness-test'
const BODY = Buffer.from('test_message')

export const alivenessRoutes: Routes = (app, { host: { broker } }) => {
  const options = described('Declare a queue, publish to it and fetch from it', {
    tag: 'Health',
    answers: { 200: ANY_OBJECT, 503: ANY_OBJECT },
  })
  app.get('/aliveness-test/:vhost', options, async (request, reply) => {
    const { vhost } = request.params as { vhost: string }
    requireVhost(request, broker, vhost)
    const came = await asConsumer(() => actAs(broker, request.caller!.user, vhost, goThrough))
    if (came) return { status: 'ok' }
    return reply.code(503).send({ status: 'failed', reason: `${QUEUE} queue is empty` })
  })
}

/** @returns whether the message came back @throws BrokerError */
function goThrough(session: Session): Promise<boolean> {
  const { topology, publishing, broker, access } = session
  const flags = { passive: false, durable: false, exclusive: false, autoDelete: false }
  topology.declareQueue({ name: QUEUE, ...flags, arguments: new Map() })
  // all is asked before a message is on its way: where a back end has to be asked first, this is called again
  const exchange = publishing.access('')
  access.require('read', 'queue', QUEUE)
  const message = composeMessage('', QUEUE, new Properties(), BODY, broker.propertyFormat)
  publishing.publish(exchange, message, false)
  return new Promise((resolve) => {
    session.get(
      QUEUE,
      true,
      () => resolve(true),
      () => resolve(false),
    )
  })
}
