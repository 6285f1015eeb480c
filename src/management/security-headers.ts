import type { FastifyReply, FastifyRequest } from 'fastify'

/** What the console may load and do: its own files, nothing inline, and no other page may show it in a frame. */
const CONSOLE_POLICY = [
  "default-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "img-src 'self' data:",
  "object-src 'none'",
].join('; ')

export interface SecuritySettings {
  readonly contentSecurityPolicy: string | null
  readonly strictTransportSecurity: string | null
}

/** Tells browsers how little the answers need to be allowed to do. */
export function setSecurityHeaders(request: FastifyRequest, reply: FastifyReply, settings: SecuritySettings): void {
  reply.header('content-security-policy', settings.contentSecurityPolicy ?? CONSOLE_POLICY)
  reply.header('x-content-type-options', 'nosniff')
  reply.header('x-frame-options', 'DENY')
  reply.header('referrer-policy', 'no-referrer')
  reply.header('cross-origin-opener-policy', 'same-origin')
  if (settings.strictTransportSecurity !== null && 'encrypted' in request.raw.socket) {
    reply.header('strict-transport-security', settings.strictTransportSecurity)
  }
}
