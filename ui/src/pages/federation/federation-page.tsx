import type { VNode } from 'preact'
import { listParameters, type Parameter } from '../../api/parameters.ts'
import type { Arguments } from '../../api/types.ts'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Card, Empty } from '../../components/page.tsx'
import { ArgumentList } from '../../components/properties.tsx'
import { UriTexts } from '../../components/uris/uri-texts.tsx'
import { common } from '../../i18n/common.ts'
import { preferences } from '../../state/preferences.ts'
import { may } from '../../state/session.ts'
import { addressOf, FederationFrame, UPSTREAM, UPSTREAM_SET, type Kind } from './frame.tsx'
import { LinksTable } from './links-table.tsx'
import { membersOf } from './members.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

/** What links do; for those who may not see that, the upstreams. */
export const FederationPage = () =>
  may.monitor.value ? (
    <FederationFrame view="links">
      <Card flush>
        <LinksTable />
      </Card>
    </FederationFrame>
  ) : (
    <UpstreamsPage />
  )

export const UpstreamsPage = () => (
  <FederationFrame view="upstreams">
    <Card flush>
      <DefinitionTable kind={UPSTREAM} />
    </Card>
  </FederationFrame>
)

export const UpstreamSetsPage = () => (
  <FederationFrame view="sets">
    <Card flush>
      <DefinitionTable kind={UPSTREAM_SET} />
    </Card>
  </FederationFrame>
)

function DefinitionTable({ kind }: { readonly kind: Kind }) {
  const t = texts.value
  const vhost = preferences.vhost.value
  const empty =
    kind === UPSTREAM ? (
      <Empty title={t.noUpstreams} hint={t.noUpstreamsHint} />
    ) : (
      <Empty title={t.noSets} hint={t.noSetsHint} />
    )
  return (
    <DataTable
      id={kind.component}
      label={kind === UPSTREAM ? t.upstreams : t.sets}
      columns={columns(kind)}
      rowKey={(parameter) => `${parameter.vhost} ${parameter.name}`}
      load={(query, signal) => listParameters(kind.component, vhost, query, signal)}
      loadKey={`${kind.component} ${vhost ?? '*'}`}
      inAddress
      empty={empty}
    />
  )
}

function columns(kind: Kind): readonly Column<Parameter>[] {
  const t = texts.value
  const c = common.value
  return [
    {
      id: 'name',
      header: c.name,
      sort: 'name',
      cell: ({ vhost, name }) => (
        <a href={addressOf(kind, vhost, name)}>
          <Name of={name} />
        </a>
      ),
    },
    { id: 'vhost', header: c.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    ...(kind === UPSTREAM
      ? [
          {
            id: 'uri',
            header: t.address,
            cell: ({ value }: Parameter) => <UriTexts of={(value as Arguments)['uri']} />,
          },
          { id: 'settings', header: t.settings, cell: ({ value }: Parameter) => settings(value as Arguments) },
        ]
      : [{ id: 'members', header: t.members, cell: ({ vhost, value }: Parameter) => members(vhost, value) }]),
  ]
}

function settings(upstream: Arguments): VNode {
  return <ArgumentList of={Object.fromEntries(Object.entries(upstream).filter(([key]) => key !== 'uri'))} />
}

function members(vhost: string, value: unknown): VNode {
  return (
    <>
      {membersOf(value).map(({ upstream }, i) => (
        <p key={i}>
          <a href={addressOf(UPSTREAM, vhost, upstream)}>{upstream}</a>
        </p>
      ))}
    </>
  )
}
