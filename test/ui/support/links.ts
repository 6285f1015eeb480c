import { eventually } from '../../support/with-broker.ts'
import { ask } from './scene.ts'
import type { Stage } from './stage.ts'

/** Nobody listens there: links to it fail, and say why. */
const NOWHERE = 'amqp://shop:s3cret@127.0.0.1:1/stock'

/** Puts a shovel and a federated exchange that work, and one of each that does not, into the scene, with parameters of the whole broker. */
export async function openLinks({ apiUrl, scene }: Stage): Promise<void> {
  const vhost = encodeURIComponent(scene.vhost)
  const local = `amqp:///${vhost}`
  const put = (resource: string, value: unknown): Promise<unknown> => ask(apiUrl, 'PUT', resource, { value })
  const shovel = { 'src-uri': local, 'src-queue': 'returns', 'dest-uri': local, 'dest-queue': 'returns.archive' }
  await put(`parameters/shovel/${vhost}/archive`, { ...shovel, 'src-prefetch-count': 100 })
  await put(`parameters/shovel/${vhost}/stock`, { ...shovel, 'dest-uri': NOWHERE })
  await put(`parameters/federation-upstream/${vhost}/north`, { uri: local, exchange: 'amq.topic', expires: 3_600_000 })
  await put(`parameters/federation-upstream/${vhost}/south`, { uri: [NOWHERE, 'amqp://shop@127.0.0.1:1/spare'] })
  await put(`parameters/federation-upstream-set/${vhost}/both`, [
    { upstream: 'north' },
    { upstream: 'south', 'max-hops': 2 },
  ])
  await put('global-parameters/shop_regions', { north: ['eu'], south: [] })
  await ask(apiUrl, 'PUT', `policies/${vhost}/federated`, {
    pattern: '^events$',
    'apply-to': 'exchanges',
    definition: { 'federation-upstream-set': 'both' },
  })
  await eventually(async () => {
    const shovels = (await ask(apiUrl, 'GET', `shovels/${vhost}`)) as { state: string }[]
    const links = (await ask(apiUrl, 'GET', `federation-links/${vhost}`)) as { status: string }[]
    const states = [...shovels.map(({ state }) => state), ...links.map(({ status }) => status)]
    return states.toSorted().join() === 'error,running,running,terminated'
  })
}
