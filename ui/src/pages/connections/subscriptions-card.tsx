import type { Connection } from '../../api/connections.ts'
import { listSubscriptions, type Subscription } from '../../api/subscriptions.ts'
import { Card, Empty } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { count } from '../../format.ts'
import { to } from '../../router.ts'
import { usePoll } from '../../state/poll.ts'
import { clientId } from './client.ts'
import { texts } from './texts.ts'

/** What an MQTT client has subscribed to; the QoS leads to the queue where that comes. */
export function SubscriptionsCard({ of: connection }: { readonly of: Connection }) {
  const t = texts.value
  const { vhost } = connection
  const id = clientId(connection)
  const subscriptions = usePoll(`subscriptions ${vhost} ${id}`, (signal) => listSubscriptions(vhost, id, signal))
  return (
    <Card title={t.subscriptions} flush>
      <Shown of={subscriptions}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title={t.noSubscriptions} />
          ) : (
            <SimpleTable
              label={t.subscriptions}
              headers={[t.filter, t.qos, t.options]}
              rows={rows.map((row) => [
                <code key="filter">{row.filter}</code>,
                <a key="qos" href={to`/queues/${vhost}/${row.queue}`} title={row.queue}>
                  {row.qos}
                </a>,
                optionsOf(row),
              ])}
            />
          )
        }
      </Shown>
    </Card>
  )
}

function optionsOf({ noLocal, retainAsPublished, identifier }: Subscription): string {
  const t = texts.value
  const options = [
    noLocal && t.noLocal,
    retainAsPublished && t.retainAsPublished,
    identifier !== null && t.identifier(count(identifier)),
  ]
  return options.filter((option) => option !== false).join(', ')
}
