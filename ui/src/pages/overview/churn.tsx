import type { ChurnRates } from '../../api/overview.ts'
import type { Details } from '../../api/types.ts'
import { Card } from '../../components/page.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { count, rate } from '../../format.ts'
import { texts } from './texts.ts'

/** How often connections, channels and queues come and go. */
export function Churn({ rates }: { readonly rates: ChurnRates }) {
  const t = texts.value
  const row = (what: string, event: string, total: number | undefined, details: Details | undefined) => [
    what,
    event,
    rate(details?.rate ?? 0),
    count(total ?? 0),
  ]
  return (
    <Card title={t.churn} flush hint={t.churnHint}>
      <SimpleTable
        label={t.churn}
        numbersFrom={2}
        rows={[
          row(t.connections, t.opened, rates.connection_created, rates.connection_created_details),
          row('', t.closed, rates.connection_closed, rates.connection_closed_details),
          row(t.channels, t.opened, rates.channel_created, rates.channel_created_details),
          row('', t.closed, rates.channel_closed, rates.channel_closed_details),
          row(t.queues, t.declared, rates.queue_declared, rates.queue_declared_details),
          row('', t.created, rates.queue_created, rates.queue_created_details),
          row('', t.deleted, rates.queue_deleted, rates.queue_deleted_details),
        ]}
      />
    </Card>
  )
}
