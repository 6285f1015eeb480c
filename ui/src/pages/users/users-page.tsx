import { allPermissions } from '../../api/permissions.ts'
import { listUsers, type UserAccount } from '../../api/users.ts'
import { ButtonLink } from '../../components/button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Icon } from '../../components/icon.tsx'
import { Badge, Card, Empty, Page } from '../../components/page.tsx'
import { common } from '../../i18n/common.ts'
import { to } from '../../router.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

interface Row extends UserAccount {
  readonly vhosts: readonly string[]
}

export function UsersPage() {
  const t = texts.value
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        <ButtonLink kind="primary" href="#/users/new">
          <Icon name="plus" />
          {t.add}
        </ButtonLink>
      }
    >
      <Card flush>
        <DataTable
          id="users"
          label={t.title}
          columns={columns()}
          rowKey={({ name }) => name}
          load={async (query, signal) => {
            const [page, permissions] = await Promise.all([listUsers(query, signal), allPermissions(signal)])
            const byUser = Map.groupBy(permissions, ({ user }) => user)
            const vhostsOf = (name: string): readonly string[] => byUser.get(name)?.map(({ vhost }) => vhost) ?? []
            return { ...page, items: page.items.map((user) => ({ ...user, vhosts: vhostsOf(user.name) })) }
          }}
          inAddress
          empty={<Empty title={t.empty} />}
        />
      </Card>
    </Page>
  )
}

function columns(): readonly Column<Row>[] {
  const t = texts.value
  return [
    {
      id: 'name',
      header: common.value.name,
      sort: 'name',
      cell: ({ name }) => (
        <a href={to`/users/${name}`}>
          <Name of={name} />
        </a>
      ),
    },
    { id: 'tags', header: t.tags, sort: 'tags', cell: ({ tags }) => <TagBadges tags={tags} /> },
    {
      id: 'access',
      header: t.access,
      cell: ({ vhosts }) => (vhosts.length > 0 ? vhosts.join(', ') : <Badge tone="warn">{t.noAccess}</Badge>),
    },
    {
      id: 'password',
      header: t.password,
      show: 'wide',
      cell: ({ password_hash: hash }) => (hash === '' ? t.noPassword : t.hasPassword),
    },
  ]
}

export function TagBadges({ tags }: { readonly tags: readonly string[] }) {
  return (
    <span class="row">
      {tags.map((tag) => (
        <Badge key={tag} tone={tag === 'administrator' ? 'accent' : 'neutral'}>
          {tag}
        </Badge>
      ))}
    </span>
  )
}
