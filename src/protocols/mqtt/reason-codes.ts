/** Reason codes of MQTT 5.0 (2.4). Below 0x80 something has succeeded. */
export const SUCCESS = 0x00
export const NO_MATCHING_SUBSCRIBERS = 0x10
export const NO_SUBSCRIPTION_EXISTED = 0x11
export const CONTINUE_AUTHENTICATION = 0x18
export const RE_AUTHENTICATE = 0x19
export const UNSPECIFIED_ERROR = 0x80
export const MALFORMED_PACKET = 0x81
export const PROTOCOL_ERROR = 0x82
export const IMPLEMENTATION_ERROR = 0x83
export const UNSUPPORTED_VERSION = 0x84
export const CLIENT_ID_NOT_VALID = 0x85
export const BAD_CREDENTIALS = 0x86
export const NOT_AUTHORIZED = 0x87
const SERVER_UNAVAILABLE = 0x88
export const SERVER_SHUTTING_DOWN = 0x8b
export const BAD_AUTHENTICATION_METHOD = 0x8c
export const KEEP_ALIVE_TIMEOUT = 0x8d
export const SESSION_TAKEN_OVER = 0x8e
export const FILTER_INVALID = 0x8f
export const TOPIC_NAME_INVALID = 0x90
export const PACKET_ID_NOT_FOUND = 0x92
export const RECEIVE_MAXIMUM_EXCEEDED = 0x93
export const TOPIC_ALIAS_INVALID = 0x94
export const PACKET_TOO_LARGE = 0x95
export const QUOTA_EXCEEDED = 0x97
export const ADMINISTRATIVE_ACTION = 0x98
export const USE_ANOTHER_SERVER = 0x9c

/** What CONNACK says to MQTT 3 in place of a reason code (MQTT 3.1.1, 3.2.2.3); null where it has no word for it. */
export function returnCodeOf(reason: number): number | null {
  switch (reason) {
    case SUCCESS:
      return 0
    case UNSUPPORTED_VERSION:
      return 1
    case CLIENT_ID_NOT_VALID:
      return 2
    case BAD_CREDENTIALS:
      return 4
    case NOT_AUTHORIZED:
    case BAD_AUTHENTICATION_METHOD:
    case QUOTA_EXCEEDED: // as in RabbitMQ
      return 5
    case SERVER_UNAVAILABLE:
      return 3
    default:
      return null
  }
}
