import { useSignal } from '@preact/signals'
import { changeQueue, previewChange, type QueueChange, type QueueDetails } from '../../../api/queues.ts'
import { ActionForm } from '../../../components/action-form.tsx'
import { confirm } from '../../../components/dialog.tsx'
import { Checkbox, FieldGrid } from '../../../components/form.tsx'
import { Card } from '../../../components/page.tsx'
import { Shown } from '../../../components/polled.tsx'
import { showDone } from '../../../components/toasts.tsx'
import type { PageComponentProps } from '../../../routes.ts'
import { useDebounced } from '../../../state/debounced.ts'
import { usePoll } from '../../../state/poll.ts'
import { ArgumentPart, chosenArguments, TypeField, useArgumentForm, type ArgumentForm } from '../argument-form.tsx'
import { declareTexts } from '../declare-texts.ts'
import { QueueFrame } from '../queue-frame.tsx'
import { ChangeReport } from './change-report.tsx'
import { changeTexts } from './change-texts.ts'

/** Another type, other arguments, durable or not: with what is in the queue, and what it would come to before it is done. */
export function ChangeQueuePage({ params }: PageComponentProps) {
  return (
    <QueueFrame vhost={params['vhost']!} name={params['name']!}>
      {(queue, { refresh }) =>
        queue.type === 'classic' || queue.type === 'quorum' ? (
          <ChangeForm queue={queue} refresh={refresh} />
        ) : (
          <p class="muted">{changeTexts.value.unchangeable}</p>
        )
      }
    </QueueFrame>
  )
}

function ChangeForm({ queue, refresh }: { readonly queue: QueueDetails; readonly refresh: () => Promise<void> }) {
  const t = changeTexts.value
  const form = useArgumentForm({ ...queue.arguments, 'x-queue-type': queue.type })
  const isDurable = useSignal(queue.durable)
  const change = differences(queue, form, isDurable.value)
  const isNothing = Object.keys(change).length === 0
  const send = async (): Promise<void> => {
    const { effects, consumers } = await previewChange(queue.vhost, queue.name, change)
    const loses = effects.some(({ loses }) => loses) || consumers.end.length > 0
    const question = { title: t.sure(queue.name), text: loses ? t.sureLosing : t.sureText, confirm: t.change }
    if (!(await confirm({ ...question, danger: loses, ...(loses && { typeName: queue.name }) }))) return
    await changeQueue(queue.vhost, queue.name, change)
    showDone(t.changed(queue.name))
    await refresh()
  }
  return (
    <>
      <Card title={t.title} hint={t.hint}>
        <ActionForm label={t.change} disabled={isNothing} onSend={send}>
          <FieldGrid>
            <TypeField form={form} />
            {form.type.value === 'classic' && (
              <Checkbox value={isDurable} label={declareTexts.value.durable} help={declareTexts.value.durableHelp} />
            )}
          </FieldGrid>
          <ArgumentPart form={form} vhost={queue.vhost} />
        </ActionForm>
      </Card>
      <Card title={t.preview}>
        {isNothing ? <p class="muted">{t.nothing}</p> : <Preview queue={queue} change={change} />}
      </Card>
    </>
  )
}

function Preview({ queue, change }: { readonly queue: QueueDetails; readonly change: QueueChange }) {
  const asked = useDebounced(JSON.stringify(change)).value
  const { vhost, name } = queue
  const preview = usePoll(
    `${vhost} ${name} ${asked}`,
    (signal) => previewChange(vhost, name, JSON.parse(asked) as QueueChange, signal),
    { once: true },
  )
  return <Shown of={preview}>{(report) => <ChangeReport report={report} />}</Shown>
}

/** What of the form is not as the queue is. */
function differences(queue: QueueDetails, form: ArgumentForm, isDurable: boolean): QueueChange {
  const { 'x-queue-type': _, ...before } = queue.arguments
  const after = chosenArguments(form)
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  const changed = [...names].filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
  const type = form.type.value
  const durable = type === 'quorum' || isDurable
  return {
    ...(type !== queue.type && { type }),
    ...(durable !== queue.durable && { durable }),
    ...(changed.length > 0 && { arguments: Object.fromEntries(changed.map((name) => [name, after[name] ?? null])) }),
  }
}
