import { virtualClock } from '../../../src/util/virtual-clock.ts'
import { eventually, startTestBroker } from '../../support/with-broker.ts'

/** A broker that the same scenario runs against, ours or RabbitMQ. */
export interface Target {
  /** With the vhost of the scenario. */
  readonly amqpUrl: string
  readonly vhost: string
  readonly nodeName: string
  get(path: string): Promise<unknown>
  metrics(path: string): Promise<string>
  /** Goes on with `round` until there are rates to see. */
  sample(round: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

const VHOST = 'statistics-conformance'

/** @param address with a login in it, or guest's is taken */
async function ask(address: string, method = 'GET', body?: unknown): Promise<string> {
  const url = new URL(address)
  const login = `${url.username || 'guest'}:${url.password || 'guest'}`
  // which fetch() does not take from the address
  url.username = url.password = ''
  const authorization = `Basic ${Buffer.from(login).toString('base64')}`
  const init = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await fetch(url, { method, headers: { authorization }, ...init })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${url.href}: ${answer.status} ${text}`)
  return text
}

export async function ourBroker(): Promise<Target> {
  const clock = virtualClock()
  const flags = ['--heartbeat', '0']
  const { server, url } = await startTestBroker({ clock, flags })
  const { broker } = server
  broker.putVhost(VHOST)
  broker.setPermission({ user: 'guest', vhost: VHOST, configure: '.*', write: '.*', read: '.*' })
  const http = server.urls.http[0]!
  return {
    amqpUrl: `${url}/${VHOST}`,
    vhost: VHOST,
    nodeName: broker.options.nodeName,
    get: async (path) => JSON.parse(await ask(`${http}/api/${path}`)) as unknown,
    metrics: (path) => ask(`${http}${path}`),
    async sample(round) {
      for (let i = 0; i < 3; i++) {
        await round()
        await clock.advance('5s')
      }
    },
    async close() {
      await server.stop('test')
      clock.close()
    },
  }
}

/** @param url of AMQP @param management URL of the management API */
export async function rabbitmq(url: string, management: string): Promise<Target> {
  const api = async (method: string, path: string, body?: unknown): Promise<string> =>
    ask(new URL(`/api/${path}`, management).href, method, body)
  await api('PUT', `vhosts/${VHOST}`, {})
  await api('PUT', `permissions/${VHOST}/guest`, { configure: '.*', write: '.*', read: '.*' })
  const get = async (path: string): Promise<unknown> => JSON.parse(await api('GET', path)) as unknown
  const { node } = (await get('overview')) as { node: string }
  // RabbitMQ samples every 5 s, whatever the test would like
  const sample = async (round: () => Promise<void>): Promise<void> => {
    const isRated = async (): Promise<boolean> => {
      await round()
      const queue = (await get(`queues/${VHOST}/fed`)) as Rated
      return (queue.message_stats?.publish_details?.rate ?? 0) > 0
    }
    await eventually(isRated, 30_000)
  }
  const metricsUrl = process.env['RABBITMQ_METRICS_URL']
  return {
    amqpUrl: Object.assign(new URL(url), { pathname: `/${VHOST}` }).href,
    vhost: VHOST,
    nodeName: node,
    get,
    // which ends with an empty line
    metrics: async (path) => (await ask(new URL(path, metricsUrl).href)).replace(/\n+$/, '\n'),
    sample,
    close: async () => void (await api('DELETE', `vhosts/${VHOST}`)),
  }
}

interface Rated {
  readonly message_stats?: { readonly publish_details?: { readonly rate: number } }
}
