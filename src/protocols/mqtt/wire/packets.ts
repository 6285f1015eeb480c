/**
 * Packets as they are handed on: what MQTT 3.1, 3.1.1 and 5.0 have in common, with the properties of 5.0, which are null or absent in
 * the others.
 */

export const CONNECT = 1
export const CONNACK = 2
export const PUBLISH = 3
export const PUBACK = 4
export const PUBREC = 5
export const PUBREL = 6
export const PUBCOMP = 7
export const SUBSCRIBE = 8
export const SUBACK = 9
export const UNSUBSCRIBE = 10
export const UNSUBACK = 11
export const PINGREQ = 12
export const PINGRESP = 13
export const DISCONNECT = 14
export const AUTH = 15

/** Protocol levels: of 3.1, 3.1.1 and 5.0. */
export type Version = 3 | 4 | 5

/** In their order, and a name may come several times (MQTT 5.0, 3.3.2.3.7). */
export type UserProperties = (readonly [name: string, value: string])[]

export interface PacketProperties {
  payloadFormatIndicator?: boolean
  /** Seconds, as all intervals are. */
  messageExpiryInterval?: number
  contentType?: string
  responseTopic?: string
  correlationData?: Buffer
  subscriptionIdentifiers?: number[]
  sessionExpiryInterval?: number
  assignedClientIdentifier?: string
  serverKeepAlive?: number
  authenticationMethod?: string
  authenticationData?: Buffer
  requestProblemInformation?: boolean
  willDelayInterval?: number
  requestResponseInformation?: boolean
  responseInformation?: string
  serverReference?: string
  reasonString?: string
  receiveMaximum?: number
  topicAliasMaximum?: number
  topicAlias?: number
  maximumQoS?: number
  retainAvailable?: boolean
  userProperties?: UserProperties
  maximumPacketSize?: number
  wildcardSubscriptionAvailable?: boolean
  subscriptionIdentifiersAvailable?: boolean
  sharedSubscriptionAvailable?: boolean
}

export interface WillPacket {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly properties: PacketProperties | null
}

export interface ConnectPacket {
  readonly version: Version
  readonly clean: boolean
  /** Seconds; 0 for none. */
  readonly keepAlive: number
  readonly clientId: string
  readonly will: WillPacket | null
  readonly username: string | null
  readonly password: Buffer | null
  readonly properties: PacketProperties | null
}

/** Its payload stays where it was read. */
export interface PublishPacket {
  topic: string
  readonly qos: 0 | 1 | 2
  readonly dup: boolean
  readonly retain: boolean
  /** 0 with QoS 0. */
  readonly packetId: number
  readonly properties: PacketProperties | null
  readonly buffer: Buffer
  readonly payloadOffset: number
  readonly payloadLength: number
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export interface AckPacket {
  readonly packetId: number
  readonly reason: number
}

export interface SubscriptionRequest {
  readonly filter: string
  readonly qos: 0 | 1 | 2
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** 0: what is retained is sent; 1: only if the subscription is new; 2: not at all. */
  readonly retainHandling: number
}

export interface SubscribePacket {
  readonly packetId: number
  readonly requests: readonly SubscriptionRequest[]
  readonly properties: PacketProperties | null
}

export interface UnsubscribePacket {
  readonly packetId: number
  readonly filters: readonly string[]
}

/** DISCONNECT and AUTH. */
export interface ReasonPacket {
  readonly reason: number
  readonly properties: PacketProperties | null
}
