import { useRef } from 'preact/hooks'
import { useSignal } from '@preact/signals'
import { listConnections, type Connection } from '../../api/connections.ts'
import { Button } from '../../components/button.tsx'
import { DataTable, type Column, type TableHandle } from '../../components/data-table.tsx'
import { ConnectionLink } from '../../components/links.tsx'
import { Card, Empty, Page } from '../../components/page.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { byteRate, count, dateTime } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { preferences } from '../../state/preferences.ts'
import { CloseDialog } from './close-dialog.tsx'
import { channelCount, clientName, givenName, mayClose } from './client.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

/** Who is connected. Several can be picked and closed together. */
export function ConnectionsPage() {
  const t = texts.value
  const vhost = preferences.vhost.value
  const closing = useSignal<{ readonly rows: readonly Connection[]; readonly clear: () => void } | null>(null)
  const table = useRef<TableHandle>(null)
  return (
    <Page title={t.title}>
      <Card flush>
        <DataTable
          id="connections"
          label={t.title}
          columns={columns()}
          rowKey={({ name }) => name}
          load={(query, signal) => listConnections(vhost, query, signal)}
          loadKey={vhost ?? '*'}
          inAddress
          empty={<Empty title={t.empty} hint={t.emptyHint} />}
          handle={(handle) => void (table.current = handle)}
          onPicked={(picked, clear) => {
            const rows = picked.filter(mayClose)
            if (rows.length === 0) return t.notYours
            return (
              <Button kind="danger" size="small" onClick={() => void (closing.value = { rows, clear })}>
                {t.closeMany(count(rows.length))}
              </Button>
            )
          }}
        />
      </Card>
      {closing.value !== null && (
        <CloseDialog
          names={closing.value.rows.map(({ name }) => name)}
          onClosed={() => {
            closing.value?.clear()
            void table.current?.refresh()
          }}
          onDismiss={() => (closing.value = null)}
        />
      )}
    </Page>
  )
}

function columns(): readonly Column<Connection>[] {
  const t = texts.value
  const c = common.value
  return [
    {
      id: 'name',
      header: c.name,
      sort: 'name',
      cell: (row) => (
        <>
          <ConnectionLink name={row.name} />
          {givenName(row) !== '' && (
            <div class="small muted">
              <Name of={givenName(row)} />
            </div>
          )}
        </>
      ),
    },
    { id: 'vhost', header: c.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    { id: 'user', header: c.user, sort: 'user', cell: ({ user }) => <Name of={user} /> },
    { id: 'state', header: c.state, sort: 'state', cell: ({ state }) => <StateBadge state={state} /> },
    { id: 'protocol', header: t.protocol, sort: 'protocol', show: 'wide', cell: ({ protocol }) => protocol },
    { id: 'tls', header: t.tls, sort: 'ssl', show: 'chosen', cell: ({ ssl }) => (ssl === true ? c.yes : c.no) },
    { id: 'client', header: t.client, show: 'wider', cell: (row) => <Name of={clientName(row)} /> },
    {
      id: 'channels',
      header: t.channels,
      align: 'end',
      sort: 'channels',
      cell: channelCount,
    },
    {
      id: 'from',
      header: t.fromClient,
      align: 'end',
      sort: 'recv_oct_details.rate',
      show: 'wider',
      cell: (row) => byteRate(row.recv_oct_details?.rate),
    },
    {
      id: 'to',
      header: t.toClient,
      align: 'end',
      sort: 'send_oct_details.rate',
      show: 'wider',
      cell: (row) => byteRate(row.send_oct_details?.rate),
    },
    { id: 'node', header: c.node, sort: 'node', show: 'chosen', cell: ({ node }) => node },
    {
      id: 'since',
      header: t.connectedAt,
      sort: 'connected_at',
      show: 'chosen',
      cell: (row) => <span class="nowrap">{dateTime(row.connected_at)}</span>,
    },
  ]
}
