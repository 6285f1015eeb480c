import { useRef } from 'preact/hooks'
import { listFederationLinks, restartFederationLink, type FederationLink } from '../../api/federation.ts'
import { Button } from '../../components/button.tsx'
import { DataTable, type Column, type TableHandle } from '../../components/data-table.tsx'
import { Icon } from '../../components/icon.tsx'
import { ExchangeLink, QueueLink } from '../../components/links.tsx'
import { Empty } from '../../components/page.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { showDone } from '../../components/toasts.tsx'
import { UriTexts } from '../../components/uris/uri-texts.tsx'
import { NONE } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { preferences } from '../../state/preferences.ts'
import { may } from '../../state/session.ts'
import { addressOf, UPSTREAM } from './frame.tsx'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

/** Links to upstreams, and how they do. */
export function LinksTable() {
  const t = texts.value
  const vhost = preferences.vhost.value
  const table = useRef<TableHandle>(null)
  const restart = async (link: FederationLink): Promise<void> => {
    await restartFederationLink(link)
    showDone(t.restarted)
    await table.current?.refresh()
  }
  return (
    <DataTable
      id="federation-links"
      label={t.status}
      columns={columns(restart)}
      rowKey={(link) => `${link.vhost} ${link.id}`}
      load={(query, signal) => listFederationLinks(vhost, query, signal)}
      loadKey={vhost ?? '*'}
      inAddress
      handle={(handle) => void (table.current = handle)}
      empty={<Empty title={t.noLinks} hint={t.noLinksHint} />}
    />
  )
}

function columns(restart: (link: FederationLink) => Promise<void>): readonly Column<FederationLink>[] {
  const t = texts.value
  const c = common.value
  return [
    { id: 'local', header: t.local, cell: (link) => <Local link={link} /> },
    { id: 'vhost', header: c.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    {
      id: 'status',
      header: c.state,
      sort: 'status',
      cell: ({ status, error }) => (
        <>
          <StateBadge state={status} />
          {error !== undefined && <p class="small muted">{error}</p>}
        </>
      ),
    },
    {
      id: 'upstream',
      header: t.upstream,
      sort: 'upstream',
      cell: ({ vhost, upstream }) =>
        may.setPolicies.value ? <a href={addressOf(UPSTREAM, vhost, upstream)}>{upstream}</a> : upstream,
    },
    { id: 'uri', header: t.address, sort: 'uri', cell: ({ uri }) => <UriTexts of={uri} /> },
    {
      id: 'there',
      header: t.there,
      show: 'wide',
      cell: ({ upstream_queue: queue, upstream_exchange: exchange }) => queue ?? exchange ?? NONE,
    },
    { id: 'since', header: t.since, sort: 'timestamp', show: 'chosen', cell: ({ timestamp }) => timestamp },
    {
      id: 'actions',
      header: c.actions,
      cell: (link) => (
        <Button
          size="small"
          label={c.deedOn(t.restart, `${link.upstream}, ${link.queue ?? link.exchange}`)}
          onClick={() => restart(link)}
        >
          <Icon name="refresh" size={16} />
        </Button>
      ),
    },
  ]
}

function Local({ link }: { readonly link: FederationLink }) {
  const { vhost, queue, exchange } = link
  return queue === undefined ? (
    <ExchangeLink vhost={vhost} name={exchange!} />
  ) : (
    <QueueLink vhost={vhost} name={queue} />
  )
}
