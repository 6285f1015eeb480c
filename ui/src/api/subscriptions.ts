import { listQueueBindings } from './bindings.ts'
import { ApiError } from './http.ts'

/** What an MQTT client has subscribed to. */
export interface Subscription {
  readonly filter: string
  /** 0, 1 or 2. */
  readonly qos: number
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  /** Null where the client gave none. */
  readonly identifier: number | null
  readonly queue: string
}

const NOT_FOUND = 404

/** Of a client: the bindings of its session's queues, by filter. */
export async function listSubscriptions(
  vhost: string,
  clientId: string,
  signal?: AbortSignal,
): Promise<readonly Subscription[]> {
  const queues = ['qos0', 'qos1'].map((ending) => `mqtt-subscription-${clientId}${ending}`)
  const found = await Promise.all(queues.map((queue) => ofQueue(vhost, queue, signal)))
  return found.flat().sort((a, b) => (a.filter < b.filter ? -1 : 1))
}

/** A session has the queues that it needs only. */
async function ofQueue(vhost: string, queue: string, signal?: AbortSignal): Promise<Subscription[]> {
  try {
    const bindings = await listQueueBindings(vhost, queue, signal)
    return bindings.flatMap(({ arguments: args }) => {
      const filter = args['x-mqtt-subscription-filter']
      if (typeof filter !== 'string') return []
      const identifier = args['x-mqtt-subscription-id']
      return {
        filter,
        qos: Number(args['x-mqtt-subscription-qos']),
        noLocal: args['x-mqtt-subscription-no-local'] === true,
        retainAsPublished: args['x-mqtt-subscription-retain-as-published'] === true,
        identifier: typeof identifier === 'number' ? identifier : null,
        queue,
      }
    })
  } catch (error) {
    if (error instanceof ApiError && error.status === NOT_FOUND) return []
    throw error
  }
}
