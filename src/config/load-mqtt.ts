import type { Config } from './config.ts'
import { OPTIONS, type OptionValues } from './options.ts'
import { RANK, type Settings } from './settings.ts'

export function buildMqtt({ mqtt, auth }: OptionValues, settings: Settings): Config['mqtt'] {
  const { allowAnonymous, defaultUser, defaultPassword, certificateLogin } = mqtt
  const anonymous =
    auth.anonymousUser === null
      ? { user: defaultUser, password: defaultPassword }
      : { user: auth.anonymousUser, password: auth.anonymousPassword }
  return {
    vhost: mqtt.vhost,
    exchange: mqtt.exchange,
    prefetch: mqtt.prefetch,
    maxSessionExpirySec: maxSessionExpirySec(mqtt, settings),
    durableQueueType: mqtt.durableQueueType,
    packetBytesMaxUnauthenticated: mqtt.packetBytesMaxUnauthenticated,
    packetBytesMax: mqtt.packetBytesMax,
    topicAliasMaximum: mqtt.topicAliasMaximum,
    receiveMaximum: mqtt.receiveMaximum,
    maxKeepAliveSec: mqtt.maxKeepAliveSec ?? 0,
    disconnectOnUnauthorized: mqtt.disconnectOnUnauthorized,
    sparkplug: mqtt.sparkplug,
    serverReference: mqtt.serverReference,
    loginTimeoutMs: mqtt.loginTimeoutMs,
    sysIntervalMs: mqtt.sysIntervalMs,
    retained: { messagesMax: mqtt.retainedMessagesMax ?? -1, bytesMax: mqtt.retainedBytesMax ?? -1 },
    anonymous: allowAnonymous ? anonymous : null,
    takesCertificates: certificateLogin,
  }
}

/** Infinity for ever. */
function maxSessionExpirySec(mqtt: OptionValues['mqtt'], settings: Settings): number {
  const isGiven = (option: 'maxSessionExpirySec' | 'subscriptionTtlMs'): boolean =>
    settings.rankOf(OPTIONS.mqtt[option]) !== RANK.default
  if (isGiven('maxSessionExpirySec') || !isGiven('subscriptionTtlMs')) return mqtt.maxSessionExpirySec ?? Infinity
  return mqtt.subscriptionTtlMs === null ? Infinity : Math.ceil(mqtt.subscriptionTtlMs / 1000)
}
