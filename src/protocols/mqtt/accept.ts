import type { ConnectionSink } from '../../core/client-connection.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Peer } from '../../net/listener.ts'
import { Client, type ClientHost } from './client.ts'
import type { Takeable } from './clients.ts'
import type { LoggedIn } from './connect.ts'
import { connectionFacts } from './connection-facts.ts'
import type { MqttContext } from './context.ts'
import { MqttError } from './errors.ts'
import { NOT_AUTHORIZED, PACKET_TOO_LARGE, QUOTA_EXCEEDED } from './reason-codes.ts'
import { elsewhereOr } from './redirection.ts'
import { EXPIRY_SEC_MAX } from './session-queues.ts'
import type { Will } from './wills.ts'
import { encodeConnack } from './wire/encode.ts'
import type { ConnectPacket, PacketProperties } from './wire/packets.ts'

/** What stands for never (MQTT 5.0, 3.1.2.11.2). */
const NEVER = 0xffff_ffff
const KEEP_ALIVE_MAX = 0xffff
const RECEIVE_MAX = 0xffff

/** A client that is connected, and what CONNACK tells it. */
export interface Accepted {
  readonly client: Client
  readonly will: Will | null
  readonly sessionPresent: boolean
  /** 0 for none. */
  readonly keepAliveSec: number
  /** Null before MQTT 5. */
  readonly properties: PacketProperties | null
  /** How long a session may outlast its connection that is to do so for so many seconds. */
  limitExpiry(sec: number): number
}

type Host = ClientHost & ConnectionSink & Takeable

/**
 * Opens the virtual host to a client that has logged in, in place of any other connection of its session. May be called again where it
 * throws an UndecidedError.
 * @throws MqttError; BrokerError; UndecidedError
 */
export function acceptClient(context: MqttContext, peer: Peer, result: LoggedIn, host: Host): Accepted {
  const { settings, clients, wills } = context
  const { packet, clientId, identity, vhost } = result
  const { broker } = settings
  requireVhost(result)
  const { version, clean } = packet
  const keepAliveSec = keepAliveOf(packet, settings.maxKeepAliveSec)
  const limitExpiry = (sec: number): number => limited(sec, settings.maxSessionExpirySec)
  const expirySec = limitExpiry(requestedExpiry(packet))
  // before anything is done that a client who cannot be answered would not know of
  const properties = version === 5 ? connackProperties(context, result, { keepAliveSec, expirySec }) : null
  // first, so that a connection that is dead does not count against the limits
  clients.get(vhost, clientId)?.takenOver()
  const facts = connectionFacts(peer, { version, clientId, mechanism: result.mechanism, keepAliveSec })
  const refusal = elsewhereOr(QUOTA_EXCEEDED, version, settings)
  const connection = openConnection(refusal, () => broker.openConnection(identity, vhost, facts, host))
  let client: Client
  try {
    client = new Client(connection, context, host, {
      version,
      clientId,
      clean,
      expirySec,
      receiveMaximum: packet.properties?.receiveMaximum ?? RECEIVE_MAX,
      packetBytesMax: packet.properties?.maximumPacketSize ?? Infinity,
      topicAliasMaximum: packet.properties?.topicAliasMaximum ?? 0,
      wantsReasons: packet.properties?.requestProblemInformation ?? true,
    })
  } catch (error) {
    connection.close()
    throw error
  }
  clients.add(vhost, clientId, host)
  const { counters } = context
  counters.connectionsOpened++
  counters.clientsMaximum = Math.max(counters.clientsMaximum, clients.count)
  if (client.state.resumed || (!clean && expirySec > 0)) wills.sessionResumed(vhost, clientId)
  else wills.sessionEnded(vhost, clientId)
  const will = packet.will === null ? null : { packet: packet.will, vhost, clientId, identity, facts }
  return { client, will, sessionPresent: client.state.resumed, keepAliveSec, properties, limitExpiry }
}

/** @throws MqttError; UndecidedError */
function requireVhost({ identity, vhost }: LoggedIn): void {
  try {
    identity.authorizer.requireVhost(vhost)
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    throw new MqttError(NOT_AUTHORIZED, error.message)
  }
}

/** Who may enter is refused only where a limit is reached. @throws MqttError */
function openConnection<T>(refusal: number, open: () => T): T {
  try {
    return open()
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    throw new MqttError(refusal, error.message)
  }
}

function keepAliveOf({ keepAlive, version }: ConnectPacket, max: number): number {
  // MQTT 3 cannot be told of another one
  if (version < 5 || max === 0) return keepAlive
  const most = Math.min(max, KEEP_ALIVE_MAX)
  return keepAlive === 0 ? most : Math.min(keepAlive, most)
}

/** In seconds, Infinity for ever. MQTT 3 has sessions that last or do not. */
function requestedExpiry({ version, clean, properties }: ConnectPacket): number {
  if (version < 5) return clean ? 0 : Infinity
  return properties?.sessionExpiryInterval ?? 0
}

function limited(sec: number, max: number): number {
  const wanted = sec === NEVER ? Infinity : sec
  const most = Math.min(wanted, max)
  return most === Infinity ? most : Math.min(most, EXPIRY_SEC_MAX)
}

/** @throws MqttError where the client does not take them */
function connackProperties(
  { settings }: MqttContext,
  { packet, clientId, isAssigned, authenticationData }: LoggedIn,
  { keepAliveSec, expirySec }: { keepAliveSec: number; expirySec: number },
): PacketProperties {
  const { properties } = packet
  const told: PacketProperties = {}
  const granted = expirySec === Infinity ? NEVER : expirySec
  if (granted !== (properties?.sessionExpiryInterval ?? 0)) told.sessionExpiryInterval = granted
  if (settings.receiveMaximum < RECEIVE_MAX) told.receiveMaximum = settings.receiveMaximum
  told.maximumPacketSize = settings.packetBytesMax
  if (isAssigned) told.assignedClientIdentifier = clientId
  if (settings.topicAliasMaximum > 0) told.topicAliasMaximum = settings.topicAliasMaximum
  if (keepAliveSec !== packet.keepAlive) told.serverKeepAlive = keepAliveSec
  const method = properties?.authenticationMethod
  if (method !== undefined) told.authenticationMethod = method
  if (authenticationData !== null) told.authenticationData = authenticationData
  if (properties?.requestResponseInformation === true) told.responseInformation = `response/${clientId}`
  const bytesMax = properties?.maximumPacketSize ?? Infinity
  const fits = (): boolean => encodeConnack(5, false, 0, told).length <= bytesMax
  // without these a client does with less
  for (const name of ['responseInformation', 'topicAliasMaximum'] as const) if (!fits()) delete told[name]
  if (!fits()) throw new MqttError(PACKET_TOO_LARGE, 'CONNACK is larger than the client takes')
  return told
}
