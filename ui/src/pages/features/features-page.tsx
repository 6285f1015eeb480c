import {
  listDeprecatedFeatures,
  listFeatureFlags,
  type DeprecatedFeature,
  type FeatureFlag,
} from '../../api/features.ts'
import { localPage } from '../../api/lists.ts'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Badge, Card, Empty, Page, type Tone } from '../../components/page.tsx'
import { common } from '../../i18n/common.ts'
import { texts } from './texts.ts'

const TONES: Readonly<Record<string, Tone>> = { enabled: 'ok', disabled: 'warn' }

/** What the broker can do, and what of it will not be there for ever. */
export function FeaturesPage() {
  const t = texts.value
  return (
    <Page title={t.title} lead={t.lead}>
      <Card title={t.flags} flush>
        <DataTable
          id="feature-flags"
          label={t.flags}
          columns={columns()}
          rowKey={({ name }) => name}
          load={async (query, signal) => localPage(await listFeatureFlags(signal), query, ({ name }) => name)}
          inAddress
          empty={<Empty title={common.value.none} />}
        />
      </Card>
      <Card title={t.deprecated} hint={t.deprecatedHint} flush>
        <DataTable
          id="deprecated-features"
          label={t.deprecated}
          columns={deprecatedColumns()}
          rowKey={({ name }) => name}
          load={async (query, signal) =>
            localPage(await listDeprecatedFeatures(true, signal), query, ({ name }) => name)
          }
          empty={<Empty title={t.noDeprecated} />}
        />
      </Card>
    </Page>
  )
}

function deprecatedColumns(): readonly Column<DeprecatedFeature>[] {
  const t = texts.value
  return [
    { id: 'name', header: common.value.name, cell: ({ name }) => <code>{name}</code> },
    { id: 'description', header: t.description, cell: ({ desc }) => desc },
    { id: 'phase', header: t.phase, cell: ({ deprecation_phase: phase }) => phase },
  ]
}

function columns(): readonly Column<FeatureFlag>[] {
  const t = texts.value
  return [
    { id: 'name', header: common.value.name, sort: 'name', cell: ({ name }) => <code>{name}</code> },
    {
      id: 'state',
      header: common.value.state,
      sort: 'state',
      cell: ({ state }) => (
        <Badge tone={TONES[state] ?? 'neutral'}>{(t.states as Readonly<Record<string, string>>)[state] ?? state}</Badge>
      ),
    },
    { id: 'description', header: t.description, cell: ({ desc }) => desc },
    { id: 'stability', header: t.stability, show: 'wide', cell: ({ stability }) => stability },
  ]
}
