import type { ClientConnection } from '../../core/client-connection.ts'
import { sessionName } from '../../core/event-facts.ts'
import type { Session } from '../../core/session.ts'

/** As RabbitMQ refers to a connection from elsewhere. */
export const connectionDetails = ({ facts }: ClientConnection): object => ({
  name: facts.name,
  peer_host: facts.peerAddress,
  peer_port: facts.peerPort,
})

/** As RabbitMQ refers to a channel from elsewhere. */
export const channelDetails = (session: Session): object => ({
  name: sessionName(session),
  number: session.number,
  connection_name: session.connection.facts.name,
  node: session.broker.options.nodeName,
  peer_host: session.connection.facts.peerAddress,
  peer_port: session.connection.facts.peerPort,
  user: session.connection.user.name,
})
