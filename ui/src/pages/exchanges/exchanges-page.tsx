import { listExchanges, type Exchange } from '../../api/exchanges.ts'
import { rateOf } from '../../api/types.ts'
import { ButtonLink } from '../../components/button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Icon } from '../../components/icon.tsx'
import { ExchangeLink } from '../../components/links.tsx'
import { Card, Empty, Page } from '../../components/page.tsx'
import { Features } from '../../components/properties.tsx'
import { rate } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { preferences } from '../../state/preferences.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

/** All exchanges of the chosen virtual host, or of all. */
export function ExchangesPage() {
  const t = texts.value
  const vhost = preferences.vhost.value
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        <ButtonLink kind="primary" href="#/exchanges/new">
          <Icon name="plus" />
          {t.declare}
        </ButtonLink>
      }
    >
      <Card flush>
        <DataTable
          id="exchanges"
          label={t.title}
          columns={columns()}
          rowKey={(exchange) => `${exchange.vhost}/${exchange.name}`}
          load={(query, signal) => listExchanges(vhost, query, signal)}
          loadKey={vhost ?? '*'}
          inAddress
          empty={<Empty title={t.empty} hint={t.emptyHint} />}
        />
      </Card>
    </Page>
  )
}

function columns(): readonly Column<Exchange>[] {
  const t = texts.value
  const c = common.value
  return [
    {
      id: 'name',
      header: c.name,
      sort: 'name',
      cell: (exchange) => <ExchangeLink {...exchange} />,
    },
    { id: 'vhost', header: c.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    { id: 'type', header: c.type, sort: 'type', cell: ({ type }) => type },
    {
      id: 'features',
      header: c.features,
      show: 'wide',
      cell: (x) => (
        <Features
          durable={x.durable}
          autoDelete={x.auto_delete}
          internal={x.internal}
          arguments={x.arguments}
          policy={x.policy}
        />
      ),
    },
    {
      id: 'in',
      header: t.rateIn,
      align: 'end',
      sort: 'message_stats.publish_in_details.rate',
      cell: ({ message_stats }) => rate(rateOf(message_stats, 'publish_in')),
    },
    {
      id: 'out',
      header: t.rateOut,
      align: 'end',
      sort: 'message_stats.publish_out_details.rate',
      cell: ({ message_stats }) => rate(rateOf(message_stats, 'publish_out')),
    },
  ]
}
