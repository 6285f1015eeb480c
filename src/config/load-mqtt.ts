import type { Config } from './config.ts'
import type { OptionValues } from './options.ts'

export function buildMqtt({ mqtt, auth }: OptionValues): Config['mqtt'] {
  const { allowAnonymous, defaultUser, defaultPassword, certificateLogin } = mqtt
  const anonymous =
    auth.anonymousUser === null
      ? { user: defaultUser, password: defaultPassword }
      : { user: auth.anonymousUser, password: auth.anonymousPassword }
  return {
    vhost: mqtt.vhost,
    exchange: mqtt.exchange,
    prefetch: mqtt.prefetch,
    maxSessionExpirySec: mqtt.maxSessionExpirySec ?? Infinity,
    durableQueueType: mqtt.durableQueueType,
    packetBytesMaxUnauthenticated: mqtt.packetBytesMaxUnauthenticated,
    packetBytesMax: mqtt.packetBytesMax,
    topicAliasMaximum: mqtt.topicAliasMaximum,
    receiveMaximum: mqtt.receiveMaximum,
    maxKeepAliveSec: mqtt.maxKeepAliveSec ?? 0,
    disconnectOnUnauthorized: mqtt.disconnectOnUnauthorized,
    sparkplug: mqtt.sparkplug,
    loginTimeoutMs: mqtt.loginTimeoutMs,
    sysIntervalMs: mqtt.sysIntervalMs,
    retained: { messagesMax: mqtt.retainedMessagesMax ?? -1, bytesMax: mqtt.retainedBytesMax ?? -1 },
    anonymous: allowAnonymous ? anonymous : null,
    takesCertificates: certificateLogin,
  }
}
