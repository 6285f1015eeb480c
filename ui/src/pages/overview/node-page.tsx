import { getNode, type Node } from '../../api/nodes.ts'
import { Chart } from '../../components/chart.tsx'
import { gaugeHistory, type Line } from '../../components/history.ts'
import { Badge, Card, Empty, Facts, Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { RangeChoice } from '../../components/rates-chart.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { bytes, count, duration } from '../../format.ts'
import type { PageComponentProps } from '../../routes.ts'
import { preferences } from '../../state/preferences.ts'
import { usePoll } from '../../state/poll.ts'
import { Alarms } from './alarms.tsx'
import { MemoryByKind, NodeMeters } from './node-card.tsx'
import { texts } from './texts.ts'

/** One node: its limits, its memory, its files, and how they went. */
export function NodePage({ params }: PageComponentProps) {
  const t = texts.value
  const name = params['name']!
  const range = preferences.chartRangeSec.value
  const node = usePoll(`${name} ${range}`, (signal) => getNode(name, range, signal), { keep: true })
  return (
    <Page
      title={name}
      crumbs={[{ label: t.title, href: '#/' }]}
      badges={node.data.value && <StateBadge state={node.data.value.running ? 'running' : 'down'} />}
      actions={<RangeChoice />}
    >
      <Shown of={node}>{(data) => <Content node={data} />}</Shown>
    </Page>
  )
}

function Content({ node }: { readonly node: Node }) {
  const t = texts.value
  return (
    <>
      <Alarms nodes={[node]} />
      <div class="columns">
        <Card title={t.limits}>
          <NodeMeters node={node} />
        </Card>
        <Card>
          <MemoryByKind node={node.name} />
        </Card>
      </div>
      <div class="columns">
        <HistoryCard title={t.memoryUsed} lines={[[t.memory, node.mem_used_details]]} format={bytes} isBytes />
        <HistoryCard title={t.diskFree} lines={[[t.disk, node.disk_free_details]]} format={bytes} isBytes />
        <HistoryCard
          title={t.handles}
          lines={[
            [t.files, node.fd_used_details],
            [t.sockets, node.sockets_used_details],
          ]}
          format={count}
        />
        <About node={node} />
      </div>
      <Plugins node={node} />
    </>
  )
}

function HistoryCard(props: {
  readonly title: string
  readonly lines: readonly Line[]
  readonly format: (value: number) => string
  readonly isBytes?: boolean
}) {
  const { title, lines, format, isBytes = false } = props
  const history = gaugeHistory(lines)
  return (
    <Card title={title}>
      {history.times.length === 0 ? (
        <Empty title={texts.value.noHistory} />
      ) : (
        <Chart label={title} {...history} format={format} isBytes={isBytes} />
      )}
    </Card>
  )
}

function About({ node }: { readonly node: Node }) {
  const t = texts.value
  const lines = (all: readonly string[] | undefined) =>
    all === undefined || all.length === 0 ? null : all.map((line) => <div key={line}>{line}</div>)
  return (
    <Card title={t.about}>
      <Facts
        items={[
          [t.uptime, duration(node.uptime)],
          [t.processId, node.os_pid],
          [t.processors, count(node.processors)],
          [t.data, node.db_dir],
          [t.configFiles, lines(node.config_files)],
          [t.logFiles, lines(node.log_files)],
          [
            t.mechanisms,
            <span key="mechanisms" class="row">
              {node.auth_mechanisms
                ?.filter(({ enabled }) => enabled)
                .map(({ name }) => (
                  <Badge key={name}>{name}</Badge>
                ))}
            </span>,
          ],
        ]}
      />
    </Card>
  )
}

function Plugins({ node }: { readonly node: Node }) {
  const t = texts.value
  const enabled = new Set(node.enabled_plugins)
  const plugins = (node.applications ?? []).filter(({ name }) => enabled.has(name))
  if (plugins.length === 0) return null
  return (
    <Card title={t.plugins} flush>
      <SimpleTable
        label={t.plugins}
        rows={plugins.map(({ name, description, version }) => [
          <>
            <div>{name}</div>
            <div class="small muted">{description}</div>
          </>,
          version,
        ])}
        numbersFrom={1}
      />
    </Card>
  )
}
