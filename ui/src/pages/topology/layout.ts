import type { Graph, GraphEdge, GraphNode } from './graph.ts'

export const NODE_WIDTH = 190
export const NODE_HEIGHT = 44
const GAP_X = 120
const GAP_Y = 16
const MARGIN = 12

export interface PlacedNode extends GraphNode {
  readonly x: number
  readonly y: number
}

export interface PlacedEdge extends GraphEdge {
  readonly start: PlacedNode
  readonly end: PlacedNode
  /** Where on the line its labels stand: 1 at its end, 0 at its start. */
  readonly labelAt: number
}

export interface Placed {
  readonly nodes: readonly PlacedNode[]
  readonly edges: readonly PlacedEdge[]
  readonly width: number
  readonly height: number
}

/**
 * Columns from left to right: publishers, exchanges in the order in which they feed each other, queues, consumers. In a
 * column, what has its neighbours higher up stands higher.
 */
export function place({ nodes, edges }: Graph): Placed {
  const columns = columnsOf(nodes, edges)
  const placed = new Map<string, PlacedNode>()
  for (const [column, members] of columns.entries()) {
    const above = (node: GraphNode): number => {
      const rows = edges.flatMap(({ from, to }) => (to === node.id ? (placed.get(from)?.y ?? []) : []))
      return rows.length === 0 ? Infinity : rows.reduce((sum, y) => sum + y, 0) / rows.length
    }
    const order = new Map(members.map((node) => [node.id, above(node)]))
    const sorted = members.toSorted((a, b) => compare(order.get(a.id)!, order.get(b.id)!) || (a.name < b.name ? -1 : 1))
    for (const [row, node] of sorted.entries()) {
      const x = MARGIN + column * (NODE_WIDTH + GAP_X)
      placed.set(node.id, { ...node, x, y: MARGIN + row * (NODE_HEIGHT + GAP_Y) })
    }
  }
  const tallest = Math.max(...columns.map(({ length }) => length))
  return {
    nodes: [...placed.values()],
    edges: placeEdges(edges, placed),
    width: 2 * MARGIN + columns.length * (NODE_WIDTH + GAP_X) - GAP_X,
    height: 2 * MARGIN + tallest * (NODE_HEIGHT + GAP_Y) - GAP_Y,
  }
}

/** Where several lines end at one node, their labels stand one before the other, and not on each other. */
function placeEdges(edges: readonly GraphEdge[], placed: ReadonlyMap<string, PlacedNode>): readonly PlacedEdge[] {
  const ranks = new Map<string, number>()
  return edges.map((edge) => {
    const rank = ranks.get(edge.to) ?? 0
    if (edge.key !== '' || edge.rate !== '') ranks.set(edge.to, rank + 1)
    const labelAt = rank === 0 ? 1 : Math.max(0.25, 0.75 - 0.15 * rank)
    return { ...edge, start: placed.get(edge.from)!, end: placed.get(edge.to)!, labelAt }
  })
}

/** Not by subtraction: two infinities are equal. */
const compare = (a: number, b: number): number => (a === b ? 0 : a < b ? -1 : 1)

function columnsOf(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): readonly GraphNode[][] {
  const depths = exchangeDepths(nodes, edges)
  const last = Math.max(0, ...depths.values())
  const columnOf = ({ kind, id }: GraphNode): number => {
    if (kind === 'publisher') return 0
    if (kind === 'exchange') return 1 + depths.get(id)!
    return last + (kind === 'queue' ? 2 : 3)
  }
  const columns = Map.groupBy(nodes, columnOf)
  // A column that nothing is in takes no room.
  return [...columns].toSorted(([a], [b]) => a - b).map(([, members]) => members)
}

/** How many exchanges come before each. In a circle it ends where it began. */
function exchangeDepths(nodes: readonly GraphNode[], edges: readonly GraphEdge[]): ReadonlyMap<string, number> {
  const exchanges = nodes.filter(({ kind }) => kind === 'exchange').map(({ id }) => id)
  const depths = new Map(exchanges.map((id) => [id, 0]))
  const between = edges.filter(({ from, to, isDeadLetter }) => !isDeadLetter && depths.has(from) && depths.has(to))
  const most = Math.min(exchanges.length, 6)
  for (let round = 0; round < most; round++) {
    for (const { from, to } of between) {
      if (from !== to) depths.set(to, Math.min(most, Math.max(depths.get(to)!, depths.get(from)! + 1)))
    }
  }
  return depths
}
