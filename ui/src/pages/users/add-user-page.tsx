import { useSignal } from '@preact/signals'
import { addUser } from '../../api/users.ts'
import { nameFault } from '../../components/advice.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Field, FieldGrid, TextInput } from '../../components/form.tsx'
import { Card, Page } from '../../components/page.tsx'
import { showDone } from '../../components/toasts.tsx'
import { common } from '../../i18n/common.ts'
import { navigate, to } from '../../router.ts'
import { texts } from './texts.ts'
import { PasswordFields, TagFields, usePasswordForm, useTagForm } from './user-fields.tsx'

export function AddUserPage() {
  const t = texts.value
  const name = useSignal('')
  const password = usePasswordForm()
  const tags = useTagForm([])
  const send = async (): Promise<void> => {
    await addUser(name.value, password.chosen(), tags.chosen())
    showDone(t.added(name.value))
    navigate(to`/users/${name.value}`)
  }
  return (
    <Page title={t.add} crumbs={[{ label: t.title, href: '#/users' }]}>
      <Card>
        <ActionForm
          label={t.add}
          cancel="#/users"
          disabled={name.value === '' || !password.isReady()}
          onSend={send}
          existing={to`/users/${name.value}`}
        >
          <FieldGrid>
            <Field label={common.value.name} help={t.nameHelp} error={nameFault(name.value)}>
              <TextInput value={name} autofocus />
            </Field>
          </FieldGrid>
          <PasswordFields form={password} />
          <TagFields form={tags} />
        </ActionForm>
      </Card>
    </Page>
  )
}
