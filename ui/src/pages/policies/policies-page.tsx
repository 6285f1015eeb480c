import { listPolicies, type Policy, type PolicyKind } from '../../api/policies.ts'
import { ButtonLink } from '../../components/button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Icon } from '../../components/icon.tsx'
import { Card, Empty, Page, Tabs } from '../../components/page.tsx'
import { ArgumentList } from '../../components/properties.tsx'
import { count } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { preferences } from '../../state/preferences.ts'
import { may } from '../../state/session.ts'
import { addressOf, policyAddress } from './scope.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

export const PoliciesPage = () => <List kind="policies" />
export const OperatorPoliciesPage = () => <List kind="operator-policies" />

function List({ kind }: { readonly kind: PolicyKind }) {
  const t = texts.value
  const vhost = preferences.vhost.value
  const isUsers = kind === 'policies'
  const mayAdd = isUsers ? may.setPolicies.value : may.administrate.value
  const title = isUsers ? t.title : t.operatorTitle
  return (
    <Page
      title={title}
      lead={isUsers ? t.lead : t.operatorLead}
      actions={
        mayAdd && (
          <ButtonLink kind="primary" href={`${addressOf(kind)}/new`}>
            <Icon name="plus" />
            {isUsers ? t.add : t.operatorAdd}
          </ButtonLink>
        )
      }
    >
      <Tabs
        label={t.kinds}
        tabs={[
          { label: t.title, href: addressOf('policies'), current: isUsers },
          { label: t.operatorTitle, href: addressOf('operator-policies'), current: !isUsers },
        ]}
      />
      <Card flush>
        <DataTable
          id={kind}
          label={title}
          columns={columns(kind)}
          rowKey={(policy) => `${policy.vhost} ${policy.name}`}
          load={(query, signal) => listPolicies(kind, vhost, query, signal)}
          loadKey={`${kind} ${vhost ?? '*'}`}
          inAddress
          empty={<Empty title={t.empty} hint={t.emptyHint} />}
        />
      </Card>
    </Page>
  )
}

function columns(kind: PolicyKind): readonly Column<Policy>[] {
  const t = texts.value
  return [
    {
      id: 'name',
      header: common.value.name,
      sort: 'name',
      cell: ({ vhost, name }) => (
        <a href={policyAddress(kind, vhost, name)}>
          <Name of={name} />
        </a>
      ),
    },
    { id: 'vhost', header: common.value.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    { id: 'pattern', header: t.pattern, sort: 'pattern', cell: ({ pattern }) => <code>{pattern}</code> },
    {
      id: 'apply-to',
      header: t.applyTo,
      sort: 'apply-to',
      show: 'wide',
      cell: (policy) => t.applyToNames[policy['apply-to']],
    },
    { id: 'definition', header: t.definition, cell: ({ definition }) => <ArgumentList of={definition} /> },
    { id: 'priority', header: t.priority, sort: 'priority', align: 'end', cell: ({ priority }) => count(priority) },
  ]
}
