import { rateOf } from '../../api/types.ts'
import { listVhosts, type Vhost } from '../../api/vhosts.ts'
import { ButtonLink } from '../../components/button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Icon } from '../../components/icon.tsx'
import { Badge, Card, Empty, Page } from '../../components/page.tsx'
import { count, rate } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { to } from '../../router.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

export function VhostsPage() {
  const t = texts.value
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        <ButtonLink kind="primary" href="#/vhosts/new">
          <Icon name="plus" />
          {t.add}
        </ButtonLink>
      }
    >
      <Card flush>
        <DataTable
          id="vhosts"
          label={t.title}
          columns={columns()}
          rowKey={({ name }) => name}
          load={listVhosts}
          inAddress
          empty={<Empty title={t.empty} />}
        />
      </Card>
    </Page>
  )
}

function columns(): readonly Column<Vhost>[] {
  const t = texts.value
  return [
    {
      id: 'name',
      header: common.value.name,
      sort: 'name',
      cell: ({ name }) => (
        <a href={to`/vhosts/${name}`}>
          <Name of={name} />
        </a>
      ),
    },
    { id: 'description', header: t.description, show: 'chosen', cell: ({ description }) => description ?? '' },
    { id: 'tags', header: t.tags, show: 'chosen', cell: ({ tags = [] }) => tags.join(', ') },
    {
      id: 'features',
      header: common.value.features,
      show: 'wide',
      cell: ({ tracing, protected_from_deletion: isProtected }) => (
        <span class="row">
          {tracing && <Badge tone="warn">{t.tracing}</Badge>}
          {isProtected === true && <Badge>{t.protected}</Badge>}
        </span>
      ),
    },
    number('ready', t.ready, 'messages_ready', ({ messages_ready: n }) => count(n)),
    number('unacked', t.unacked, 'messages_unacknowledged', ({ messages_unacknowledged: n }) => count(n)),
    number('total', t.total, 'messages', ({ messages }) => count(messages)),
    number('publish', t.publish, 'message_stats.publish_details.rate', ({ message_stats: stats }) =>
      rate(rateOf(stats, 'publish')),
    ),
    number('deliver', t.deliver, 'message_stats.deliver_get_details.rate', ({ message_stats: stats }) =>
      rate(rateOf(stats, 'deliver_get')),
    ),
  ]
}

const number = (id: string, header: string, sort: string, cell: (vhost: Vhost) => string): Column<Vhost> => ({
  id,
  header,
  sort,
  align: 'end',
  cell,
})
