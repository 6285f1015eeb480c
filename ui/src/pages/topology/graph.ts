import { exchangeInPath } from '../../api/exchanges.ts'
import type { Topology } from '../../api/topology.ts'
import { exchangeLabel } from '../../components/links.tsx'
import { count, rate } from '../../format.ts'
import { to } from '../../router.ts'
import { texts } from './texts.ts'

export type NodeKind = 'publisher' | 'exchange' | 'queue' | 'consumer'

export interface GraphNode {
  readonly id: string
  readonly kind: NodeKind
  readonly name: string
  /** A second line: type, messages, rates. */
  readonly note: string
  readonly href: string
}

export interface GraphEdge {
  readonly from: string
  readonly to: string
  /** Routing keys; '' for none. */
  readonly key: string
  /** Messages per second; '' where it is not known. */
  readonly rate: string
  readonly isDeadLetter: boolean
}

export interface Graph {
  readonly nodes: readonly GraphNode[]
  readonly edges: readonly GraphEdge[]
}

const idOf = (kind: NodeKind, name: string): string => `${kind} ${name}`

/** Everything of a virtual host that something leads to or from. */
export function toGraph(vhost: string, topology: Topology): Graph {
  const edges = edgesOf(topology)
  const joined = new Set(edges.flatMap(({ from, to: end }) => [from, end]))
  // Queues count even where nothing leads to them; an exchange that nobody uses is one of those that are always there.
  const nodes = nodesOf(vhost, topology).filter(({ id, kind }) => kind === 'queue' || joined.has(id))
  const known = new Set(nodes.map(({ id }) => id))
  return { nodes, edges: edges.filter(({ from, to: end }) => known.has(from) && known.has(end)) }
}

function nodesOf(vhost: string, topology: Topology): readonly GraphNode[] {
  const connections = new Set(topology.publishers.map(({ connection }) => connection))
  return [
    ...[...connections].map((name): GraphNode => {
      return { id: idOf('publisher', name), kind: 'publisher', name, note: '', href: to`/connections/${name}` }
    }),
    ...topology.exchanges.map((exchange): GraphNode => {
      const { name, type } = exchange
      const href = to`/exchanges/${vhost}/${exchangeInPath(name)}`
      const note = `${type} · ${rate(exchange.in)}`
      return { id: idOf('exchange', name), kind: 'exchange', name: exchangeLabel(name), note, href }
    }),
    ...topology.queues.map((queue): GraphNode => {
      const { name, messages } = queue
      const note = `${texts.value.messages(count(messages), messages === 1)} · ${rate(queue.in)}`
      return { id: idOf('queue', name), kind: 'queue', name, note, href: to`/queues/${vhost}/${name}` }
    }),
    ...topology.consumers.map((consumer): GraphNode => {
      const { consumer_tag: name, channel, user } = consumer
      return { id: consumerId(consumer), kind: 'consumer', name, note: user, href: to`/channels/${channel}` }
    }),
  ]
}

const consumerId = ({ channel, consumer_tag: tag }: Topology['consumers'][number]): string =>
  idOf('consumer', `${channel} ${tag}`)

function edgesOf({
  publishers,
  bindings,
  flows,
  consumers,
  dead_letters: deadLetters,
}: Topology): readonly GraphEdge[] {
  return [
    ...publishers.map(({ connection, exchange, out }) => ({
      from: idOf('publisher', connection),
      to: idOf('exchange', exchange),
      key: '',
      rate: rate(out),
      isDeadLetter: false,
    })),
    ...bindingEdges(bindings),
    ...defaultEdges(flows),
    ...consumers.map((consumer) => ({
      from: idOf('queue', consumer.queue),
      to: consumerId(consumer),
      key: '',
      rate: rate(consumer.out),
      isDeadLetter: false,
    })),
    ...deadLetters.map(({ queue, exchange }) => ({
      from: idOf('queue', queue),
      to: idOf('exchange', exchange),
      key: '',
      rate: '',
      isDeadLetter: true,
    })),
  ]
}

/** One edge for all bindings between the same two. */
function bindingEdges(bindings: Topology['bindings']): readonly GraphEdge[] {
  const ends = Map.groupBy(bindings, ({ source, destination, destination_type: kind }) =>
    JSON.stringify([idOf('exchange', source), idOf(kind, destination)]),
  )
  return [...ends].map(([names, group]) => {
    const [from, end] = JSON.parse(names) as [string, string]
    const key = group.map(({ routing_key: one }) => one).join(', ')
    return { from, to: end, key, rate: boundsText(group[0]!), isDeadLetter: false }
  })
}

function boundsText({ out_min: min, out_max: max }: Topology['bindings'][number]): string {
  if (min === undefined || min === null || max === undefined || max === null) return ''
  return min === max ? rate(max) : `${rate(min)} – ${rate(max)}`
}

/** The default exchange leads to every queue; what is drawn is where messages go. */
function defaultEdges(flows: Topology['flows']): readonly GraphEdge[] {
  return flows
    .filter(({ exchange, out }) => exchange === '' && out > 0)
    .map(({ queue, out }) => ({
      from: idOf('exchange', ''),
      to: idOf('queue', queue),
      key: '',
      rate: rate(out),
      isDeadLetter: false,
    }))
}

/** What contains the text, with its neighbours; at most so many nodes. */
export function narrow({ nodes, edges }: Graph, text: string, most: number): Graph {
  const wanted = text.toLowerCase()
  const hits = new Set(nodes.filter(({ name }) => name.toLowerCase().includes(wanted)).map(({ id }) => id))
  const near = new Set(hits)
  for (const { from, to: end } of edges) {
    if (hits.has(from)) near.add(end)
    if (hits.has(end)) near.add(from)
  }
  const kept = nodes.filter(({ id }) => near.has(id)).slice(0, most)
  const known = new Set(kept.map(({ id }) => id))
  return { nodes: kept, edges: edges.filter(({ from, to: end }) => known.has(from) && known.has(end)) }
}
