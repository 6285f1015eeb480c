import { useSignal } from '@preact/signals'
import { getClusterName, putClusterName } from '../../api/features.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Field, FieldGrid, TextInput } from '../../components/form.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { showDone } from '../../components/toasts.tsx'
import { common } from '../../i18n/common.ts'
import { usePoll } from '../../state/poll.ts'
import { texts } from './texts.ts'

export function ClusterNamePage() {
  const t = texts.value
  const name = usePoll('cluster name', getClusterName, { once: true })
  return (
    <Page title={t.clusterName} lead={t.clusterLead}>
      <Card>
        <Shown of={name}>{(current) => <NameForm current={current} />}</Shown>
      </Card>
    </Page>
  )
}

function NameForm({ current }: { readonly current: string }) {
  const t = texts.value
  const name = useSignal(current)
  const send = async (): Promise<void> => {
    await putClusterName(name.value)
    showDone(t.saved)
  }
  return (
    <ActionForm label={t.save} disabled={name.value === ''} onSend={send}>
      <FieldGrid>
        <Field label={common.value.name} help={t.nameHelp}>
          <TextInput value={name} />
        </Field>
      </FieldGrid>
    </ActionForm>
  )
}
