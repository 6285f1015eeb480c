import { USE_ANOTHER_SERVER } from './reason-codes.ts'
import type { MqttOptions } from './settings.ts'
import type { Version } from './wire/packets.ts'

/**
 * Why a client is not served, or no longer, that another server may serve: where there is one, and the version has words for it, that it should
 * go there (MQTT 5.0, 4.11). It is told for now, not for good (0x9D): the broker may be back, and below its limits, the next time.
 * @param otherwise the reason where it stays here
 */
export const elsewhereOr = (otherwise: number, version: Version, { serverReference }: MqttOptions): number =>
  version === 5 && serverReference !== null ? USE_ANOTHER_SERVER : otherwise
