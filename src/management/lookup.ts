import type { FastifyRequest } from 'fastify'
import { AccessControl, type Verb } from '../core/access-control.ts'
import type { Broker } from '../core/broker.ts'
import type { Exchange } from '../core/exchange.ts'
import type { Queue } from '../core/queues/queue.ts'
import type { VHost } from '../core/vhost.ts'
import { callerOf, requireVhost } from './access.ts'
import { objectNotFound } from './api-error.ts'
import { exchangeOf } from './names.ts'

export interface Found<T> {
  readonly vhost: VHost
  readonly found: T
}

/** The queue that `:vhost/:queue` of the path names. @throws ApiError 404, 401 */
export function requireQueue(request: FastifyRequest, broker: Broker): Found<Queue> {
  const { vhost: vhostName, queue: name } = request.params as { vhost: string; queue: string }
  const vhost = requireVhost(request, broker, vhostName)
  const found = vhost.queues.get(name)
  if (found === undefined) throw objectNotFound()
  return { vhost, found }
}

/** The exchange that `:vhost/:exchange` of the path names. @throws ApiError 404, 401 */
export function requireExchange(request: FastifyRequest, broker: Broker): Found<Exchange> {
  const { vhost: vhostName, exchange: name } = request.params as { vhost: string; exchange: string }
  const vhost = requireVhost(request, broker, vhostName)
  const found = vhost.exchanges.get(exchangeOf(name))
  if (found === undefined) throw objectNotFound()
  return { vhost, found }
}

/** The caller may do this with it, as any client may: by permissions, whatever tags there are. @throws BrokerError accessRefused */
export function requirePermission(
  request: FastifyRequest,
  { name: vhost, broker }: VHost,
  verb: Verb,
  { kind, name }: { readonly kind: 'queue' | 'exchange'; readonly name: string },
): void {
  new AccessControl(broker.permissions, callerOf(request).user.name, vhost).require(verb, kind, name)
}
