import type { FastifyRequest } from 'fastify'
import { badRequest } from './api-error.ts'
import type { Statistics } from './statistics/statistics.ts'

/** Whether only what is configured is shown: because the configuration says so, or the request. */
export function statsOff(request: FastifyRequest, { settings }: Statistics): boolean {
  return settings.disableStats || (request.query as { disable_stats?: string }).disable_stats === 'true'
}

/** @throws ApiError 400, as RabbitMQ answers for what consists of nothing but numbers */
export function requireStats(request: FastifyRequest, statistics: Statistics): void {
  if (statsOff(request, statistics)) throw badRequest('Stats in management UI are disabled on this node')
}
