import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { declareQueue } from '../../api/queues.ts'
import { Button, ButtonLink } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Checkbox, FieldGrid } from '../../components/form.tsx'
import { NameFields } from '../../components/name-fields.tsx'
import { Card, Page } from '../../components/page.tsx'
import { showDone } from '../../components/toasts.tsx'
import { useVhostField } from '../../components/vhost-field.tsx'
import { common } from '../../i18n/common.ts'
import { navigate, to } from '../../router.ts'
import { ArgumentPart, chosenArguments, TypeField, useArgumentForm } from './argument-form.tsx'
import { declareTexts } from './declare-texts.ts'
import { texts } from './texts.ts'
import { useDraft } from '../../state/drafts.ts'

export function DeclareQueuePage() {
  const t = declareTexts.value
  const vhost = useVhostField()
  const name = useSignal('')
  const durable = useSignal(true)
  const autoDelete = useSignal(false)
  const form = useArgumentForm({})
  const draft = useDraft()
  const failure = useSignal<unknown>(null)
  // What was tried, not what has been typed since.
  const tried = useRef('')
  const isClassic = form.type.value === 'classic'
  const send = async (): Promise<void> => {
    failure.value = null
    tried.current = to`/queues/${vhost.value}/${name.value}`
    try {
      await declareQueue(vhost.value, name.value, {
        durable: !isClassic || durable.value,
        auto_delete: isClassic && autoDelete.value,
        arguments: { 'x-queue-type': form.type.value, ...chosenArguments(form) },
      })
      showDone(t.declared(name.value))
      navigate(tried.current)
    } catch (error) {
      failure.value = error
    }
  }
  return (
    <Page title={texts.value.declare} crumbs={[{ label: texts.value.title, href: '#/queues' }]}>
      <Card>
        <form class="stack" onSubmit={(event) => event.preventDefault()} onInput={draft.onInput}>
          <FieldGrid>
            <NameFields vhost={vhost} name={name} help={t.nameHelp} />
            <TypeField form={form} />
          </FieldGrid>
          {isClassic && (
            <FieldGrid>
              <Checkbox value={durable} label={t.durable} help={t.durableHelp} />
              <Checkbox value={autoDelete} label={t.autoDelete} help={t.autoDeleteHelp} />
            </FieldGrid>
          )}
          <ArgumentPart form={form} vhost={vhost.value} />
          {failure.value !== null && <ErrorPanel error={failure.value} existing={tried.current} />}
          <div class="row">
            <Button kind="primary" submit disabled={name.value === ''} onClick={send}>
              {texts.value.declare}
            </Button>
            <ButtonLink href="#/queues">{common.value.cancel}</ButtonLink>
          </div>
        </form>
      </Card>
    </Page>
  )
}
