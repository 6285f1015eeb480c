import { useRef } from 'preact/hooks'
import { listQueueBindings } from '../../api/bindings.ts'
import type { QueueDetails } from '../../api/queues.ts'
import { rateOf } from '../../api/types.ts'
import { BindForm } from '../../components/bindings/bind-form.tsx'
import { BindingTable } from '../../components/bindings/binding-table.tsx'
import type { TableHandle } from '../../components/data-table.tsx'
import { ChannelLink, ExchangeLink } from '../../components/links.tsx'
import { Card, Empty, FoldedCard } from '../../components/page.tsx'
import { LengthsChart, RatesChart } from '../../components/rates-chart.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { NONE, rate } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import type { PageComponentProps } from '../../routes.ts'
import { ConsumerTable } from '../consumers/consumer-table.tsx'
import { AboutQueue } from './about-queue.tsx'
import { QueueFrame } from './queue-frame.tsx'
import { queueTexts } from './queue-texts.ts'
import { Residency } from './residency.tsx'

/** One queue: how it does, who feeds it, who takes from it. */
export function QueuePage({ params }: PageComponentProps) {
  return (
    <QueueFrame vhost={params['vhost']!} name={params['name']!} hasCharts>
      {(queue) => <Content queue={queue} />}
    </QueueFrame>
  )
}

function Content({ queue }: { readonly queue: QueueDetails }) {
  const t = queueTexts.value
  return (
    <>
      <div class="columns">
        <Card title={t.queued}>
          <LengthsChart of={queue} />
        </Card>
        <Card title={t.rates}>
          <RatesChart of={queue.message_stats} />
        </Card>
      </div>
      <div class="columns">
        <AboutQueue queue={queue} />
        <Residency queue={queue} />
      </div>
      <Card title={t.consumers} flush>
        <ConsumerTable
          id="queue-consumers"
          within="queue"
          rows={queue.consumer_details ?? []}
          empty={<Empty title={t.noConsumers} hint={t.noConsumersHint} />}
        />
      </Card>
      <Traffic queue={queue} />
      <Bindings queue={queue} />
    </>
  )
}

/** By which exchanges messages come, and on which channels they go. */
function Traffic({ queue }: { readonly queue: QueueDetails }) {
  const t = queueTexts.value
  const { incoming = [], deliveries = [] } = queue
  if (incoming.length === 0 && deliveries.length === 0) return null
  return (
    <div class="columns">
      {incoming.length > 0 && (
        <Card title={t.incoming} flush>
          <SimpleTable
            label={t.incoming}
            headers={[common.value.exchange, t.publish]}
            numbersFrom={1}
            rows={incoming.map(({ exchange, stats }) => [
              <ExchangeLink key="link" {...exchange} />,
              rate(rateOf(stats, 'publish')),
            ])}
          />
        </Card>
      )}
      {deliveries.length > 0 && (
        <Card title={t.deliveries} flush>
          <SimpleTable
            label={t.deliveries}
            headers={[common.value.channel, t.deliver, t.ack]}
            numbersFrom={1}
            rows={deliveries.map(({ channel_details: channel, stats }) => [
              channel?.name === undefined ? NONE : <ChannelLink key="link" name={channel.name} />,
              rate(rateOf(stats, 'deliver_get')),
              rate(rateOf(stats, 'ack')),
            ])}
          />
        </Card>
      )}
    </div>
  )
}

function Bindings({ queue }: { readonly queue: QueueDetails }) {
  const t = queueTexts.value
  const table = useRef<TableHandle>(null)
  const { vhost, name } = queue
  return (
    <>
      <Card title={t.bindings} flush>
        <BindingTable
          id="queue-bindings"
          label={t.bindings}
          shows="source"
          // That of the default exchange, which every queue has and nobody can change, says nothing.
          load={async (signal) => (await listQueueBindings(vhost, name, signal)).filter(({ source }) => source !== '')}
          loadKey={`${vhost} ${name}`}
          empty={<Empty title={t.noBindings} hint={t.noBindingsHint} />}
          handle={(handle) => void (table.current = handle)}
        />
      </Card>
      <FoldedCard title={t.bind}>
        <BindForm vhost={vhost} own={{ queue: name }} onBound={() => void table.current?.refresh()} />
      </FoldedCard>
    </>
  )
}
