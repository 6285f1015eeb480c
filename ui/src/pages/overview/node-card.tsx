import { getNodeMemory, type Node } from '../../api/nodes.ts'
import { Breakdown, Meter } from '../../components/meter.tsx'
import { Card } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { bytes, count, duration } from '../../format.ts'
import { to } from '../../router.ts'
import { usePoll } from '../../state/poll.ts'
import { memoryKinds } from './memory-kinds.ts'
import { texts } from './texts.ts'

/** One node: what it has, what it uses, and what is short. */
export function NodeCard({ node }: { readonly node: Node }) {
  const t = texts.value
  return (
    <Card
      title={`${t.node} ${node.name}`}
      actions={
        <>
          <span class="muted">
            {t.uptime} {duration(node.uptime)}
          </span>
          <a href={to`/nodes/${node.name}`}>{t.nodeDetails}</a>
        </>
      }
    >
      <div class="columns">
        <NodeMeters node={node} />
        <MemoryByKind node={node.name} />
      </div>
    </Card>
  )
}

/** What is limited, and how near the limit is. */
export function NodeMeters({ node }: { readonly node: Node }) {
  const t = texts.value
  const { mem_used: used = 0, mem_limit: limit = 0, disk_free: free = 0, disk_free_limit: diskLimit = 0 } = node
  return (
    <div class="stack">
      <Meter
        label={t.memory}
        value={used}
        max={limit}
        text={t.usedOf(bytes(used), bytes(limit))}
        tone={node.mem_alarm === true ? 'danger' : used > 0.8 * limit ? 'warn' : 'accent'}
      />
      <Meter
        label={t.disk}
        value={free}
        max={Math.max(free, diskLimit * 10)}
        text={t.diskText(bytes(free), bytes(diskLimit))}
        tone={node.disk_free_alarm === true ? 'danger' : free < 2 * diskLimit ? 'warn' : 'ok'}
      />
      {node.fd_total !== undefined && node.fd_total > 0 && (
        <Meter
          label={t.files}
          value={node.fd_used ?? 0}
          max={node.fd_total}
          text={t.usedOf(count(node.fd_used), count(node.fd_total))}
        />
      )}
      {node.sockets_total !== undefined && node.sockets_total > 0 && (
        <Meter
          label={t.sockets}
          value={node.sockets_used ?? 0}
          max={node.sockets_total}
          text={t.usedOf(count(node.sockets_used), count(node.sockets_total))}
        />
      )}
    </div>
  )
}

export function MemoryByKind({ node }: { readonly node: string }) {
  const memory = usePoll(`memory ${node}`, (signal) => getNodeMemory(node, signal), { everySec: 10 })
  const t = texts.value
  const kinds = memoryKinds.value
  return (
    <div class="stack">
      <h3>{t.memoryBy}</h3>
      <Shown of={memory}>
        {(parts) => (
          <Breakdown
            parts={parts.map(([kind, size]) => [kinds[kind as keyof typeof kinds] ?? kind, size])}
            rest={t.other}
            format={bytes}
          />
        )}
      </Shown>
    </div>
  )
}
