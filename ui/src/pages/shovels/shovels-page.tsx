import { useRef } from 'preact/hooks'
import { deleteParameter, listParameters, type Parameter } from '../../api/parameters.ts'
import { listShovels, restartShovel, type ShovelStatus } from '../../api/shovels.ts'
import { Button, ButtonLink } from '../../components/button.tsx'
import { DataTable, type Column, type TableHandle } from '../../components/data-table.tsx'
import { confirm } from '../../components/dialog.tsx'
import { Icon } from '../../components/icon.tsx'
import { Card, Empty, Page, Tabs } from '../../components/page.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { showDone } from '../../components/toasts.tsx'
import { UriTexts } from '../../components/uris/uri-texts.tsx'
import { count, NONE } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { to } from '../../router.ts'
import { preferences } from '../../state/preferences.ts'
import { may } from '../../state/session.ts'
import { endOf, type ShovelDefinition, type Side } from './definition.ts'
import { endText, statusEnd } from './end-text.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

/** What shovels do; for those who may not see that, what they are told to do. */
export const ShovelsPage = () => <Frame view={may.monitor.value ? 'status' : 'definitions'} />
export const ShovelDefinitionsPage = () => <Frame view="definitions" />

export const addressOf = (vhost: string, name: string): string => to`/dynamic-shovels/${vhost}/${name}`

function Frame({ view }: { readonly view: 'status' | 'definitions' }) {
  const t = texts.value
  const mayBoth = may.monitor.value && may.setPolicies.value
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        may.setPolicies.value && (
          <ButtonLink kind="primary" href="#/dynamic-shovels/new">
            <Icon name="plus" />
            {t.add}
          </ButtonLink>
        )
      }
    >
      {mayBoth && (
        <Tabs
          label={t.views}
          tabs={[
            { label: t.status, href: '#/shovels', current: view === 'status' },
            { label: t.definitions, href: '#/dynamic-shovels', current: view === 'definitions' },
          ]}
        />
      )}
      <Card flush>{view === 'status' ? <StatusTable /> : <DefinitionTable />}</Card>
    </Page>
  )
}

/** Asks, and says whether it was deleted. */
export async function askToDelete(vhost: string, name: string): Promise<boolean> {
  const t = texts.value
  if (!(await confirm({ title: t.deleteTitle(name), text: t.deleteText, confirm: t.delete, danger: true })))
    return false
  await deleteParameter({ component: 'shovel', vhost, name })
  showDone(t.deleted(name))
  return true
}

export async function restart(vhost: string, name: string): Promise<void> {
  await restartShovel(vhost, name)
  showDone(texts.value.restarted(name))
}

function StatusTable() {
  const t = texts.value
  const vhost = preferences.vhost.value
  const table = useRef<TableHandle>(null)
  const refresh = async (): Promise<void> => table.current?.refresh()
  return (
    <DataTable
      id="shovels"
      label={t.title}
      columns={statusColumns(refresh)}
      rowKey={(shovel) => `${shovel.vhost} ${shovel.name}`}
      load={(query, signal) => listShovels(vhost, query, signal)}
      loadKey={vhost ?? '*'}
      inAddress
      handle={(handle) => void (table.current = handle)}
      empty={<Empty title={t.empty} hint={t.emptyHint} />}
    />
  )
}

function statusColumns(refresh: () => Promise<void>): readonly Column<ShovelStatus>[] {
  const t = texts.value
  const c = common.value
  return [
    {
      id: 'name',
      header: c.name,
      sort: 'name',
      cell: ({ vhost, name }) =>
        may.setPolicies.value ? (
          <a href={addressOf(vhost, name)}>
            <Name of={name} />
          </a>
        ) : (
          name
        ),
    },
    { id: 'vhost', header: c.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    {
      id: 'state',
      header: c.state,
      sort: 'state',
      cell: ({ state, reason }) => (
        <>
          <StateBadge state={state} />
          {reason !== undefined && <p class="small muted">{reason}</p>}
        </>
      ),
    },
    { id: 'src', header: t.source, sort: 'src_uri', cell: (row) => <EndCell of={row} side="src" /> },
    { id: 'dest', header: t.destination, sort: 'dest_uri', cell: (row) => <EndCell of={row} side="dest" /> },
    number('forwarded', t.forwarded, ({ forwarded }) => count(forwarded)),
    { ...number('pending', t.pending, ({ pending }) => count(pending)), show: 'chosen' },
    { ...number('remaining', t.remaining, ({ remaining }) => remainingText(remaining)), show: 'chosen' },
    { id: 'since', header: t.since, sort: 'timestamp', show: 'chosen', cell: ({ timestamp }) => timestamp },
    { id: 'actions', header: c.actions, cell: (row) => <Actions shovel={row} refresh={refresh} /> },
  ]
}

const number = (key: string, header: string, cell: (row: ShovelStatus) => string): Column<ShovelStatus> => ({
  id: key,
  header,
  sort: key,
  align: 'end',
  cell,
})

export const remainingText = (remaining: ShovelStatus['remaining']): string =>
  remaining === 'unlimited' ? texts.value.unlimited : count(remaining)

function EndCell({ of: status, side }: { readonly of: ShovelStatus; readonly side: Side }) {
  const uri = status[`${side}_uri`]
  if (uri === undefined) return <>{NONE}</>
  return (
    <>
      {endText(statusEnd(status, side))}
      <UriTexts of={uri} />
    </>
  )
}

function Actions({ shovel, refresh }: { readonly shovel: ShovelStatus; readonly refresh: () => Promise<void> }) {
  const t = texts.value
  const { vhost, name } = shovel
  return (
    <div class="row">
      <Button
        size="small"
        label={common.value.deedOn(t.restart, name)}
        onClick={() => restart(vhost, name).then(refresh)}
      >
        <Icon name="refresh" size={16} />
      </Button>
      {may.setPolicies.value && (
        <Button
          size="small"
          label={common.value.deedOn(t.delete, name)}
          onClick={async () => {
            if (await askToDelete(vhost, name)) await refresh()
          }}
        >
          <Icon name="trash" size={16} />
        </Button>
      )}
    </div>
  )
}

function DefinitionTable() {
  const t = texts.value
  const vhost = preferences.vhost.value
  return (
    <DataTable
      id="dynamic-shovels"
      label={t.title}
      columns={definitionColumns()}
      rowKey={(shovel) => `${shovel.vhost} ${shovel.name}`}
      load={(query, signal) => listParameters('shovel', vhost, query, signal)}
      loadKey={vhost ?? '*'}
      inAddress
      empty={<Empty title={t.empty} hint={t.emptyHint} />}
    />
  )
}

function definitionColumns(): readonly Column<Parameter>[] {
  const t = texts.value
  const c = common.value
  const end = (side: Side) => (parameter: Parameter) => {
    const definition = parameter.value as ShovelDefinition
    return (
      <>
        {endText(endOf(definition, side))}
        <UriTexts of={definition[`${side}-uri`]} />
      </>
    )
  }
  return [
    {
      id: 'name',
      header: c.name,
      sort: 'name',
      cell: ({ vhost, name }) => (
        <a href={addressOf(vhost, name)}>
          <Name of={name} />
        </a>
      ),
    },
    { id: 'vhost', header: c.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    { id: 'src', header: t.source, cell: end('src') },
    { id: 'dest', header: t.destination, cell: end('dest') },
  ]
}
