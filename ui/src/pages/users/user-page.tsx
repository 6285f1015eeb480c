import { deleteUser, getUser, putTags, putUser, type UserAccount } from '../../api/users.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Button } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { LimitsCard } from '../../components/limits-card.tsx'
import { Card, Facts, FoldedCard, Page } from '../../components/page.tsx'
import { PermissionCard } from '../../components/permissions/permission-card.tsx'
import { TopicPermissionCard } from '../../components/permissions/topic-permission-card.tsx'
import { Shown } from '../../components/polled.tsx'
import { showDone } from '../../components/toasts.tsx'
import { common } from '../../i18n/common.ts'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { usePoll } from '../../state/poll.ts'
import { texts } from './texts.ts'
import { PasswordFields, TagFields, usePasswordForm, useTagForm } from './user-fields.tsx'
import { TagBadges } from './users-page.tsx'

export function UserPage({ params }: PageComponentProps) {
  const t = texts.value
  const name = params['name']!
  const user = usePoll(name, (signal) => getUser(name, signal))
  return (
    <Page
      title={name}
      crumbs={[{ label: t.title, href: '#/users' }]}
      actions={
        user.data.value && (
          <Button kind="danger" onClick={() => remove(name)}>
            {t.delete}
          </Button>
        )
      }
    >
      <Shown of={user}>{(data) => <Content user={data} refresh={user.refresh} />}</Shown>
    </Page>
  )
}

async function remove(name: string): Promise<void> {
  const t = texts.value
  const question = { title: t.deleteTitle(name), text: t.deleteText, confirm: t.delete, danger: true, typeName: name }
  if (!(await confirm(question))) return
  await deleteUser(name)
  showDone(t.deleted(name))
  navigate('#/users')
}

interface UserProps {
  readonly user: UserAccount
  readonly refresh: () => Promise<void>
}

function Content({ user, refresh }: UserProps) {
  const t = texts.value
  const { name, tags } = user
  return (
    <>
      <Card title={t.about}>
        <Facts
          items={[
            [t.tags, tags.length > 0 ? <TagBadges tags={tags} /> : common.value.none],
            [t.password, user.password_hash === '' ? `${t.noPassword} – ${t.noPasswordHint}` : t.hasPassword],
          ]}
        />
      </Card>
      <PermissionCard scope={{ user: name }} />
      <TopicPermissionCard scope={{ user: name }} />
      <LimitsCard scope={{ user: name }} />
      <FoldedCard title={t.changePassword}>
        <ChangePassword user={user} refresh={refresh} />
      </FoldedCard>
      <FoldedCard title={t.changeTags}>
        <ChangeTags user={user} refresh={refresh} />
      </FoldedCard>
    </>
  )
}

function ChangePassword({ user, refresh }: UserProps) {
  const t = texts.value
  const password = usePasswordForm()
  const send = async (): Promise<void> => {
    const chosen = password.chosen()
    await putUser(user.name, chosen, user.tags)
    showDone(chosen === null ? t.passwordRemoved : t.passwordChanged)
    password.first.value = ''
    password.second.value = ''
    await refresh()
  }
  return (
    <ActionForm label={t.changePassword} disabled={!password.isReady()} onSend={send}>
      <p class="muted">{t.changePasswordHint}</p>
      <PasswordFields form={password} />
    </ActionForm>
  )
}

function ChangeTags({ user, refresh }: UserProps) {
  const t = texts.value
  const tags = useTagForm(user.tags)
  const send = async (): Promise<void> => {
    await putTags(user.name, tags.chosen())
    showDone(t.tagsChanged)
    await refresh()
  }
  return (
    <ActionForm label={t.changeTags} onSend={send}>
      <TagFields form={tags} />
    </ActionForm>
  )
}
