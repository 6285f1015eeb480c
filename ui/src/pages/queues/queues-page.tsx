import { useRef } from 'preact/hooks'
import { listQueues } from '../../api/queues.ts'
import { ButtonLink } from '../../components/button.tsx'
import { DataTable, type TableHandle } from '../../components/data-table.tsx'
import { Icon } from '../../components/icon.tsx'
import { Card, Empty, Page } from '../../components/page.tsx'
import { preferences } from '../../state/preferences.ts'
import { BulkActions } from './bulk-actions.tsx'
import { queueColumns } from './queue-columns.tsx'
import { texts } from './texts.ts'

/** All queues of the chosen virtual host, or of all. Several can be picked and treated together. */
export function QueuesPage() {
  const t = texts.value
  const vhost = preferences.vhost.value
  const table = useRef<TableHandle>(null)
  const declare = (
    <ButtonLink kind="primary" href="#/queues/new">
      <Icon name="plus" />
      {t.declare}
    </ButtonLink>
  )
  return (
    <Page title={t.title} actions={declare}>
      <Card flush>
        <DataTable
          id="queues"
          label={t.title}
          columns={queueColumns()}
          rowKey={(queue) => `${queue.vhost}/${queue.name}`}
          load={(query, signal) => listQueues(vhost, query, signal)}
          loadKey={vhost ?? '*'}
          inAddress
          empty={<Empty title={t.empty} hint={t.emptyHint} />}
          handle={(handle) => void (table.current = handle)}
          onPicked={(queues, clear) => (
            <BulkActions
              queues={queues}
              onDone={async () => {
                clear()
                await table.current?.refresh()
              }}
            />
          )}
        />
      </Card>
    </Page>
  )
}
