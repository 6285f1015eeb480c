import { useSignal } from '@preact/signals'
import { addVhost } from '../../api/vhosts.ts'
import { nameFault } from '../../components/advice.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Field, FieldGrid, TextInput } from '../../components/form.tsx'
import { Card, Page } from '../../components/page.tsx'
import { showDone } from '../../components/toasts.tsx'
import { common } from '../../i18n/common.ts'
import { navigate, to } from '../../router.ts'
import { refreshAll } from '../../state/poll.ts'
import { MetadataFields, useMetadataForm } from './metadata-fields.tsx'
import { texts } from './texts.ts'

export function AddVhostPage() {
  const t = texts.value
  const name = useSignal('')
  const metadata = useMetadataForm({ description: '', tags: [], default_queue_type: '' })
  const send = async (): Promise<void> => {
    await addVhost(name.value, metadata.chosen())
    showDone(t.added(name.value))
    refreshAll() // the choice of virtual hosts in the bar
    navigate(to`/vhosts/${name.value}`)
  }
  return (
    <Page title={t.add} crumbs={[{ label: t.title, href: '#/vhosts' }]}>
      <Card>
        <ActionForm
          label={t.add}
          cancel="#/vhosts"
          disabled={name.value === ''}
          onSend={send}
          existing={to`/vhosts/${name.value}`}
        >
          <FieldGrid>
            <Field label={common.value.name} help={t.nameHelp} error={nameFault(name.value)}>
              <TextInput value={name} autofocus />
            </Field>
            <MetadataFields form={metadata} />
          </FieldGrid>
        </ActionForm>
      </Card>
    </Page>
  )
}
