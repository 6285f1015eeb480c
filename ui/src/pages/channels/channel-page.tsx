import { getChannel, type ChannelDetails } from '../../api/channels.ts'
import { rateOf } from '../../api/types.ts'
import { ConnectionLink, ExchangeLink, QueueLink } from '../../components/links.tsx'
import { Card, Empty, Facts, Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { RangeChoice, RatesChart } from '../../components/rates-chart.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { count, dateTimeOf, rate } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import type { PageComponentProps } from '../../routes.ts'
import { preferences } from '../../state/preferences.ts'
import { usePoll } from '../../state/poll.ts'
import { ConsumerTable } from '../consumers/consumer-table.tsx'
import { Mode, prefetchText } from './channel-table.tsx'
import { texts } from './texts.ts'

/** One channel: what it publishes, what it consumes, what is under way. */
export function ChannelPage({ params }: PageComponentProps) {
  const t = texts.value
  const name = params['name']!
  const range = preferences.chartRangeSec.value
  const channel = usePoll(`${name} ${range}`, (signal) => getChannel(name, range, signal), { keep: true })
  return (
    <Page
      title={name}
      crumbs={[{ label: t.title, href: '#/channels' }]}
      badges={
        channel.data.value && (
          <>
            <StateBadge state={channel.data.value.state} />
            <Mode of={channel.data.value} />
          </>
        )
      }
      actions={<RangeChoice />}
    >
      <Shown of={channel}>{(data) => <Content channel={data} />}</Shown>
    </Page>
  )
}

function Content({ channel }: { readonly channel: ChannelDetails }) {
  const t = texts.value
  const c = common.value
  const consumers = channel.consumer_details ?? []
  return (
    <>
      <div class="columns">
        <Card title={t.rates}>
          <RatesChart of={channel.message_stats} />
        </Card>
        <Card>
          <Facts
            items={[
              [t.connection, <ConnectionLink key="link" name={channel.connection_details.name} />],
              [c.user, channel.user],
              [c.vhost, channel.vhost],
              [c.node, channel.node],
              [t.prefetch, prefetchText(channel.prefetch_count)],
              [t.globalPrefetch, prefetchText(channel.global_prefetch_count)],
              [t.unacked, count(channel.messages_unacknowledged)],
              [t.unconfirmed, count(channel.messages_unconfirmed)],
              [t.uncommitted, count(channel.messages_uncommitted)],
              [t.uncommittedAcks, count(channel.acks_uncommitted)],
              [t.idleSince, channel.idle_since === undefined ? null : dateTimeOf(channel.idle_since)],
            ]}
          />
        </Card>
      </div>
      <Card title={t.consumers} flush>
        <ConsumerTable
          id="channel-consumers"
          within="channel"
          rows={consumers}
          empty={<Empty title={t.noConsumers} />}
        />
      </Card>
      <Traffic channel={channel} />
    </>
  )
}

/** To which exchanges and from which queues, as far as something went there. */
function Traffic({ channel }: { readonly channel: ChannelDetails }) {
  const t = texts.value
  const c = common.value
  const { publishes = [], deliveries = [] } = channel
  return (
    <div class="columns">
      {publishes.length > 0 && (
        <Card title={t.publishes} flush>
          <SimpleTable
            label={t.publishes}
            headers={[c.exchange, t.publish, t.confirm]}
            numbersFrom={1}
            rows={publishes.map(({ exchange, stats }) => [
              <ExchangeLink key="link" {...exchange} />,
              rate(rateOf(stats, 'publish')),
              rate(rateOf(stats, 'confirm')),
            ])}
          />
        </Card>
      )}
      {deliveries.length > 0 && (
        <Card title={t.deliveries} flush>
          <SimpleTable
            label={t.deliveries}
            headers={[c.queue, t.deliver, t.ack]}
            numbersFrom={1}
            rows={deliveries.map(({ queue, stats }) => [
              <QueueLink key="link" {...queue} />,
              rate(rateOf(stats, 'deliver_get')),
              rate(rateOf(stats, 'ack')),
            ])}
          />
        </Card>
      )}
    </div>
  )
}
