import type { Broker } from '../core/broker.ts'

/** As in RabbitMQ, who makes a vhost may use it; who is known to another back end only has no permissions here. */
export function grantAll(broker: Broker, user: string, vhost: string): void {
  if (broker.users.get(user) === undefined) return
  broker.setPermission({ user, vhost, configure: '.*', write: '.*', read: '.*' })
}
