import { requireVhost } from '../access.ts'
import type { Routes } from '../app.ts'
import { TOPOLOGY_ITEMS_MAX, TopologyPicture } from '../objects/topology.ts'
import { connectionFilter } from '../own-connections.ts'
import { described } from '../route-schema.ts'
import { STATS_QUERY } from '../statistics-query.ts'
import { requireStats } from '../stats-off.ts'

const description = `At most ${TOPOLOGY_ITEMS_MAX} of each kind; \`truncated\` says that there are more.`

/** Exchanges, queues, who publishes and consumes, and what leads where, in one answer. */
export const topologyRoutes: Routes = (app, { host: { broker, statistics } }) => {
  const options = described('What leads where in a virtual host', {
    query: STATS_QUERY,
    tag: 'Topology',
    description,
  })
  app.get('/topology/:vhost', options, (request) => {
    const vhost = requireVhost(request, broker, (request.params as { vhost: string }).vhost)
    requireStats(request, statistics)
    return new TopologyPicture(vhost, statistics).render(connectionFilter(request))
  })
}
