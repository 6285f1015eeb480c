import type { FrameLimits } from './frame-parser.ts'

const KB = 1024
const OPEN_BODY_BYTES = 4 * KB * KB

/** Of who has not logged in yet. */
export const LIMITS_BEFORE_LOGIN: FrameLimits = { head: 16 * KB, headers: 100, openBody: 4 * KB, countedBody: 4 * KB }

/**
 * Of who has. Headers become those of messages, which AMQP clients get in one frame.
 * @param configured null: 4 MiB, or with content-length as much as a message may have
 */
export function limitsAfterLogin(configured: number | null, messageBytesMax: number): FrameLimits {
  const openBody = configured ?? Math.min(OPEN_BODY_BYTES, messageBytesMax)
  return { head: 64 * KB, headers: 4096, openBody, countedBody: configured ?? messageBytesMax }
}
