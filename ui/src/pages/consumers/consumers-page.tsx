import { listConsumers } from '../../api/consumers.ts'
import { localPage } from '../../api/lists.ts'
import { Card, Empty, Page } from '../../components/page.tsx'
import { preferences } from '../../state/preferences.ts'
import { ConsumerTable, consumerText } from './consumer-table.tsx'
import { texts } from './texts.ts'

/** Who takes messages from which queue. */
export function ConsumersPage() {
  const t = texts.value
  const vhost = preferences.vhost.value
  return (
    <Page title={t.title}>
      <Card flush>
        <ConsumerTable
          id="consumers"
          // RabbitMQ knows no pages of consumers: the whole list comes, and is cut here.
          load={async (query, signal) => localPage(await listConsumers(vhost, signal), query, consumerText)}
          loadKey={vhost ?? '*'}
          empty={<Empty title={t.empty} hint={t.emptyHint} />}
        />
      </Card>
    </Page>
  )
}
