import { useSignal } from '@preact/signals'
import { deleteGlobalParameter, getGlobalParameter, putGlobalParameter } from '../../api/parameters.ts'
import { nameFault } from '../../components/advice.ts'
import { Button } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { Field, TextInput } from '../../components/form.tsx'
import { Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { showDone } from '../../components/toasts.tsx'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { usePoll } from '../../state/poll.ts'
import { GLOBAL_LIST, globalAddress } from './addresses.ts'
import { ParameterForm } from './parameter-form.tsx'
import { texts } from './texts.ts'

export function AddGlobalParameterPage() {
  const t = texts.value
  const name = useSignal('')
  const send = async (value: unknown): Promise<void> => {
    await putGlobalParameter({ name: name.value, value })
    showDone(t.saved(name.value))
    navigate(globalAddress(name.value))
  }
  return (
    <Page title={t.addGlobal} crumbs={[{ label: t.globalTitle, href: GLOBAL_LIST }]}>
      <ParameterForm value={undefined} isNamed={name.value !== ''} onSend={send} cancel={GLOBAL_LIST}>
        <Field label={t.name} help={t.nameHelp} error={nameFault(name.value)}>
          <TextInput value={name} autofocus />
        </Field>
      </ParameterForm>
    </Page>
  )
}

export function GlobalParameterPage({ params }: PageComponentProps) {
  const t = texts.value
  const name = params['name']!
  // Once: what somebody is writing must not be written over.
  const parameter = usePoll(name, (signal) => getGlobalParameter(name, signal), { once: true })
  const send = async (value: unknown): Promise<void> => {
    await putGlobalParameter({ name, value })
    showDone(t.saved(name))
  }
  const remove = async (): Promise<void> => {
    const question = { title: t.deleteTitle(name), text: t.deleteText, confirm: t.delete, danger: true }
    if (!(await confirm(question))) return
    await deleteGlobalParameter(name)
    showDone(t.deleted(name))
    navigate(GLOBAL_LIST)
  }
  return (
    <Page
      title={name}
      crumbs={[{ label: t.globalTitle, href: GLOBAL_LIST }]}
      actions={
        <Button kind="danger" onClick={remove}>
          {t.delete}
        </Button>
      }
    >
      <Shown of={parameter}>{({ value }) => <ParameterForm value={value} isNamed onSend={send} />}</Shown>
    </Page>
  )
}
