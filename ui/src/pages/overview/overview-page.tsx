import { listNodes, type Node } from '../../api/nodes.ts'
import { getOverview, type Overview } from '../../api/overview.ts'
import { rateOf } from '../../api/types.ts'
import { Figures } from '../../components/figures.tsx'
import { deliverDetails } from '../../components/history.ts'
import { Card, Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { LengthsChart, RangeChoice, RatesChart } from '../../components/rates-chart.tsx'
import { count, rate } from '../../format.ts'
import { preferences } from '../../state/preferences.ts'
import { usePoll } from '../../state/poll.ts'
import { may } from '../../state/session.ts'
import { Alarms } from './alarms.tsx'
import { Churn } from './churn.tsx'
import { Listeners } from './listeners.tsx'
import { NodeCard } from './node-card.tsx'
import { texts } from './texts.ts'

/** How the broker is: what flows, what waits, what is short. */
export function OverviewPage() {
  const range = preferences.chartRangeSec.value
  const overview = usePoll(String(range), (signal) => getOverview(range, signal), { keep: true })
  // Only who may monitor sees nodes; everybody else gets their virtual hosts' figures.
  const nodes = usePoll(`nodes ${may.monitor.value}`, async (signal) => (may.monitor.value ? listNodes(signal) : []))
  const t = texts.value
  return (
    <Page title={t.title} lead={overview.data.value && <Version of={overview.data.value} />} actions={<RangeChoice />}>
      <Shown of={overview}>{(data) => <Content overview={data} nodes={nodes.data.value ?? []} />}</Shown>
    </Page>
  )
}

function Version({ of: overview }: { readonly of: Overview }) {
  const t = texts.value
  const product = t.version(overview.product_name ?? 'RabbitMQ', overview.product_version ?? overview.rabbitmq_version)
  const isRabbit = overview.product_name === undefined || overview.product_name === 'RabbitMQ'
  return (
    <>
      {overview.cluster_name} · {product}
      {!isRabbit && ` · ${t.compatible(overview.rabbitmq_version)}`}
    </>
  )
}

function Content({ overview, nodes }: { readonly overview: Overview; readonly nodes: readonly Node[] }) {
  const t = texts.value
  const { queue_totals: totals, message_stats: stats, object_totals: objects } = overview
  return (
    <>
      <Alarms nodes={nodes} />
      <Figures
        label={t.figures}
        items={[
          { label: t.ready, value: count(totals.messages_ready ?? 0) },
          { label: t.unacked, value: count(totals.messages_unacknowledged ?? 0) },
          {
            label: t.published,
            value: rate(rateOf(stats, 'publish') ?? 0),
            detail: t.total(count(stats.publish ?? 0)),
          },
          {
            label: t.delivered,
            value: rate(deliverDetails(stats)?.rate ?? 0),
            detail: t.total(count(stats.deliver_get ?? 0)),
          },
          { label: t.acked, value: rate(rateOf(stats, 'ack') ?? 0), detail: t.total(count(stats.ack ?? 0)) },
        ]}
      />
      <div class="columns">
        <Card title={t.queued}>
          <LengthsChart of={totals} />
        </Card>
        <Card title={t.rates}>
          <RatesChart of={stats} />
        </Card>
      </div>
      <Figures
        label={t.objects}
        items={[
          { label: t.connections, value: count(objects.connections), href: '#/connections' },
          { label: t.channels, value: count(objects.channels), href: '#/channels' },
          { label: t.consumers, value: count(objects.consumers), href: '#/consumers' },
          { label: t.exchanges, value: count(objects.exchanges), href: '#/exchanges' },
          { label: t.queues, value: count(objects.queues), href: '#/queues' },
        ]}
      />
      {nodes.map((node) => (
        <NodeCard key={node.name} node={node} />
      ))}
      <div class="columns">
        <Churn rates={overview.churn_rates} />
        {overview.listeners !== undefined && <Listeners of={overview.listeners} />}
      </div>
    </>
  )
}
