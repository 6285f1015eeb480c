import { useRef } from 'preact/hooks'
import { NODE_HEIGHT, NODE_WIDTH, type Placed, type PlacedEdge, type PlacedNode } from './layout.ts'
import { texts } from './texts.ts'
import './picture.css'

const NAME_CHARACTERS = 22
const LABEL_CHARACTERS = 18

/** The graph, in a window that is panned by dragging, scrolling, or the arrow keys. */
export function Picture({ placed, zoom }: { readonly placed: Placed; readonly zoom: number }) {
  const { width, height, nodes, edges } = placed
  const pan = usePan()
  return (
    <div class="topology" role="region" aria-label={texts.value.picture} tabIndex={0} {...pan}>
      <svg width={width * zoom} height={height * zoom} viewBox={`0 0 ${width} ${height}`}>
        {edges.map((edge, i) => (
          <Edge key={i} edge={edge} />
        ))}
        {nodes.map((node) => (
          <Node key={node.id} node={node} />
        ))}
      </svg>
    </div>
  )
}

/** Dragging the ground moves the picture; a link stays a link. */
function usePan() {
  const from = useRef<{ readonly x: number; readonly y: number } | null>(null)
  return {
    onPointerDown: (event: PointerEvent): void => {
      if (event.pointerType === 'mouse' && (event.target as Element).closest('a') === null)
        from.current = { x: event.clientX, y: event.clientY }
    },
    onPointerMove: (event: PointerEvent): void => {
      if (from.current === null || event.buttons === 0) return
      const element = event.currentTarget as HTMLElement
      element.scrollBy(from.current.x - event.clientX, from.current.y - event.clientY)
      from.current = { x: event.clientX, y: event.clientY }
    },
    onPointerUp: (): void => void (from.current = null),
  }
}

/** Of names that begin alike, what tells them apart stands at the end: the middle is left out. @param tail what is kept of the end */
function cut(text: string, most: number, tail = Math.ceil((most - 1) / 2)): string {
  return text.length > most ? `${text.slice(0, most - 1 - tail)}…${text.slice(text.length - tail)}` : text
}

function Node({ node }: { readonly node: PlacedNode }) {
  const { x, y, kind, name, note, href } = node
  return (
    <a class={`topology-node topology-${kind}`} href={href}>
      <title>{`${texts.value.kinds[kind]} ${name}`}</title>
      <rect x={x} y={y} width={NODE_WIDTH} height={NODE_HEIGHT} rx={kind === 'exchange' ? NODE_HEIGHT / 2 : 8} />
      <text class="topology-name" x={x + 14} y={y + (note === '' ? 27 : 19)}>
        {/* connections to one listener end alike, and begin with the client's own port */}
        {kind === 'publisher' ? cut(name, NAME_CHARACTERS, 0) : cut(name, NAME_CHARACTERS)}
      </text>
      {note !== '' && (
        <text class="topology-note" x={x + 14} y={y + 35}>
          {cut(note, NAME_CHARACTERS + 4)}
        </text>
      )}
    </a>
  )
}

function Edge({ edge }: { readonly edge: PlacedEdge }) {
  const { start, end, key, rate, isDeadLetter, labelAt } = edge
  // What leads back, as dead letters do, leaves and arrives on the sides that face each other.
  const isBack = end.x <= start.x
  const x1 = isBack ? start.x : start.x + NODE_WIDTH
  const x2 = isBack ? end.x + NODE_WIDTH : end.x
  const y1 = start.y + NODE_HEIGHT / 2
  const y2 = end.y + NODE_HEIGHT / 2
  const bend = (x2 - x1) / 2
  const label =
    labelAt === 1
      ? ({ x: x2 - 6, y: y2, anchor: 'end' } as const)
      : ({
          x: onCurve(labelAt, x1, x1 + bend, x2 - bend, x2),
          y: onCurve(labelAt, y1, y1, y2, y2),
          anchor: 'middle',
        } as const)
  return (
    <g class={isDeadLetter ? 'topology-edge topology-dead' : 'topology-edge'}>
      <path d={`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />
      {key !== '' && (
        <text class="topology-label" x={label.x} y={label.y - 5} text-anchor={label.anchor}>
          {key.length > LABEL_CHARACTERS && <title>{key}</title>}
          {cut(key, LABEL_CHARACTERS)}
        </text>
      )}
      {rate !== '' && (
        <text class="topology-label" x={label.x} y={label.y + 13} text-anchor={label.anchor}>
          {rate}
        </text>
      )}
    </g>
  )
}

/** A coordinate of the cubic curve at t, of 0 to 1. */
function onCurve(t: number, start: number, from: number, to: number, end: number): number {
  const rest = 1 - t
  return rest ** 3 * start + 3 * rest ** 2 * t * from + 3 * rest * t ** 2 * to + t ** 3 * end
}
