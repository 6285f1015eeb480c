import type { FrameLimits } from './frame-parser.ts'
import type { StompSettings } from './settings.ts'

const KB = 1024
const OPEN_BODY_BYTES = 4 * KB * KB

/** Of who has not logged in yet. */
export const LIMITS_BEFORE_LOGIN: FrameLimits = { head: 16 * KB, headers: 100, openBody: 4 * KB, countedBody: 4 * KB }

/** Of who has. Headers become those of messages, which AMQP clients get in one frame. */
export function limitsAfterLogin({
  bodyBytesMax,
  broker,
}: Pick<StompSettings, 'bodyBytesMax' | 'broker'>): FrameLimits {
  const { messageBytesMax } = broker.options
  const openBody = bodyBytesMax ?? Math.min(OPEN_BODY_BYTES, messageBytesMax)
  return { head: 64 * KB, headers: 4096, openBody, countedBody: bodyBytesMax ?? messageBytesMax }
}
