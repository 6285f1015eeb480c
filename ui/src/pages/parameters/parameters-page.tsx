import type { ComponentChildren } from 'preact'
import { listAllParameters, listGlobalParameters, type GlobalParameter, type Parameter } from '../../api/parameters.ts'
import { ButtonLink } from '../../components/button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Icon } from '../../components/icon.tsx'
import { Card, Empty, Page, Tabs } from '../../components/page.tsx'
import { common } from '../../i18n/common.ts'
import { preferences } from '../../state/preferences.ts'
import { addressOf, GLOBAL_LIST, globalAddress, LIST } from './addresses.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

export function ParametersPage() {
  const t = texts.value
  const vhost = preferences.vhost.value
  return (
    <Frame isGlobal={false}>
      <DataTable
        id="parameters"
        label={t.title}
        columns={columns()}
        rowKey={(parameter) => JSON.stringify([parameter.component, parameter.vhost, parameter.name])}
        load={(query, signal) => listAllParameters(vhost, query, signal)}
        loadKey={vhost ?? '*'}
        inAddress
        empty={<Empty title={t.empty} hint={t.emptyHint} />}
      />
    </Frame>
  )
}

export function GlobalParametersPage() {
  const t = texts.value
  return (
    <Frame isGlobal>
      <DataTable
        id="global-parameters"
        label={t.globalTitle}
        columns={globalColumns()}
        rowKey={({ name }) => name}
        load={listGlobalParameters}
        inAddress
        empty={<Empty title={t.empty} hint={t.emptyGlobalHint} />}
      />
    </Frame>
  )
}

function Frame({ isGlobal, children }: { readonly isGlobal: boolean; readonly children: ComponentChildren }) {
  const t = texts.value
  return (
    <Page
      title={isGlobal ? t.globalTitle : t.title}
      lead={isGlobal ? t.globalLead : t.lead}
      actions={
        <ButtonLink kind="primary" href={`${isGlobal ? GLOBAL_LIST : LIST}/new`}>
          <Icon name="plus" />
          {isGlobal ? t.addGlobal : t.add}
        </ButtonLink>
      }
    >
      <Tabs
        label={t.kinds}
        tabs={[
          { label: t.title, href: LIST, current: !isGlobal },
          { label: t.globalTitle, href: GLOBAL_LIST, current: isGlobal },
        ]}
      />
      <Card flush>{children}</Card>
    </Page>
  )
}

const VALUE_CHARACTERS = 200

function Value({ of: value }: { readonly of: unknown }) {
  const text = JSON.stringify(value)
  return <code>{text.length > VALUE_CHARACTERS ? `${text.slice(0, VALUE_CHARACTERS)}…` : text}</code>
}

function columns(): readonly Column<Parameter>[] {
  const t = texts.value
  return [
    { id: 'component', header: t.component, sort: 'component', cell: ({ component }) => component },
    { id: 'vhost', header: common.value.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    {
      id: 'name',
      header: t.name,
      sort: 'name',
      cell: (parameter) => (
        <a href={addressOf(parameter)}>
          <Name of={parameter.name} />
        </a>
      ),
    },
    { id: 'value', header: t.value, cell: ({ value }) => <Value of={value} /> },
  ]
}

function globalColumns(): readonly Column<GlobalParameter>[] {
  const t = texts.value
  return [
    {
      id: 'name',
      header: t.name,
      sort: 'name',
      cell: ({ name }) => (
        <a href={globalAddress(name)}>
          <Name of={name} />
        </a>
      ),
    },
    { id: 'value', header: t.value, cell: ({ value }) => <Value of={value} /> },
  ]
}
