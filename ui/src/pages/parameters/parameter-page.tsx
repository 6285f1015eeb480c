import { useSignal } from '@preact/signals'
import { deleteParameter, getParameter, putParameter } from '../../api/parameters.ts'
import { nameFault } from '../../components/advice.ts'
import { Button, ButtonLink } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { Field, TextInput } from '../../components/form.tsx'
import { Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { showDone } from '../../components/toasts.tsx'
import { useVhostField, VhostField } from '../../components/vhost-field.tsx'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { usePoll } from '../../state/poll.ts'
import { addressOf, COMPONENTS, formAddress, LIST } from './addresses.ts'
import { ParameterForm } from './parameter-form.tsx'
import { texts } from './texts.ts'

export function AddParameterPage() {
  const t = texts.value
  const component = useSignal('')
  const vhost = useVhostField()
  const name = useSignal('')
  const send = async (value: unknown): Promise<void> => {
    const id = { component: component.value, vhost: vhost.value, name: name.value }
    await putParameter({ ...id, value })
    showDone(t.saved(id.name))
    navigate(addressOf(id))
  }
  return (
    <Page title={t.add} crumbs={[{ label: t.title, href: LIST }]}>
      <ParameterForm
        value={undefined}
        isNamed={component.value !== '' && name.value !== ''}
        onSend={send}
        cancel={LIST}
      >
        <Field label={t.component} help={t.componentHelp}>
          <TextInput value={component} suggestions={COMPONENTS} autofocus />
        </Field>
        <VhostField value={vhost} />
        <Field label={t.name} help={t.nameHelp} error={nameFault(name.value)}>
          <TextInput value={name} />
        </Field>
      </ParameterForm>
    </Page>
  )
}

export function ParameterPage({ params }: PageComponentProps) {
  const t = texts.value
  const id = { component: params['component']!, vhost: params['vhost']!, name: params['name']! }
  // Once: what somebody is writing must not be written over.
  const parameter = usePoll(JSON.stringify(id), (signal) => getParameter(id, signal), { once: true })
  const form = formAddress(id)
  const send = async (value: unknown): Promise<void> => {
    await putParameter({ ...id, value })
    showDone(t.saved(id.name))
  }
  const remove = async (): Promise<void> => {
    const question = { title: t.deleteTitle(id.name), text: t.deleteText, confirm: t.delete, danger: true }
    if (!(await confirm(question))) return
    await deleteParameter(id)
    showDone(t.deleted(id.name))
    navigate(LIST)
  }
  return (
    <Page
      title={id.name}
      crumbs={[{ label: t.title, href: LIST }]}
      lead={`${id.component}, ${id.vhost}`}
      actions={
        <>
          {form !== null && <ButtonLink href={form}>{t.openPage}</ButtonLink>}
          <Button kind="danger" onClick={remove}>
            {t.delete}
          </Button>
        </>
      }
    >
      <Shown of={parameter}>{({ value }) => <ParameterForm value={value} isNamed onSend={send} />}</Shown>
    </Page>
  )
}
