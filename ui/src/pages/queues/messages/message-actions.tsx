import { useSignal, type Signal } from '@preact/signals'
import { actOnMessages, type MessageAction, type MessageSelection } from '../../../api/queue-messages.ts'
import { ActionForm } from '../../../components/action-form.tsx'
import { Button } from '../../../components/button.tsx'
import { confirm, Dialog } from '../../../components/dialog.tsx'
import { Checkbox, Field, FieldGrid } from '../../../components/form.tsx'
import { trackJob } from '../../../components/jobs.tsx'
import { DurationInput } from '../../../components/quantity-input.tsx'
import { showDone } from '../../../components/toasts.tsx'
import { count } from '../../../format.ts'
import { TargetFields, useTargetForm } from '../target-fields.tsx'
import { texts } from './texts.ts'

export interface MessageActionsProps {
  readonly vhost: string
  readonly queue: string
  readonly picked: Signal<ReadonlySet<string>>
  /** What all that fit the search are. */
  readonly found: () => MessageSelection
  readonly onDone: () => Promise<void>
}

type Asked = 'move' | 'copy' | 'hasten'

/** What can be done with messages, each as a job: with those that are picked, or with all that were searched for. */
export function MessageActions({ vhost, queue, picked, found, onDone }: MessageActionsProps) {
  const t = texts.value
  const all = useSignal(false)
  const asked = useSignal<Asked | null>(null)
  const act = async (action: MessageAction): Promise<void> => {
    const selection = all.peek() ? found() : { ids: [...picked.peek()] }
    const job = await trackJob(await actOnMessages(vhost, queue, selection, action))
    if (job.state === 'done') showDone(t.done(count(job.done)))
    all.value = false
    await onDone()
  }
  const sure = async (action: 'delete' | 'redrive' | 'cancel', title: string, text: string): Promise<void> => {
    const question = { title, text, confirm: t[action], danger: action !== 'redrive' }
    // Of all that fit nobody has seen every one.
    const isBlind = all.peek() && action !== 'redrive'
    if (await confirm({ ...question, ...(isBlind && { typeName: queue }) })) await act({ action })
  }
  const isIdle = !all.value && picked.value.size === 0
  const button = (action: MessageAction['action'], onClick: () => void | Promise<void>) => (
    <Button size="small" disabled={isIdle} kind={action === 'delete' ? 'danger' : 'plain'} onClick={onClick}>
      {t[action]}
    </Button>
  )
  const ask = (what: Asked) => (): void => void (asked.value = what)
  return (
    <div class="stack">
      <div class="row">
        <span class="grow">{t.picked(count(picked.value.size))}</span>
        {button('move', ask('move'))}
        {button('copy', ask('copy'))}
        {button('redrive', () => sure('redrive', t.redriveTitle, t.redriveText))}
        {button('hasten', ask('hasten'))}
        {button('cancel', () => sure('cancel', t.cancelTitle, t.cancelText))}
        {button('delete', () => sure('delete', t.deleteTitle, t.deleteText))}
      </div>
      <Checkbox value={all} label={t.allFound} />
      {asked.value !== null && (
        <Details vhost={vhost} asked={asked.value} act={act} onClose={() => void (asked.value = null)} />
      )}
    </div>
  )
}

interface DetailsProps {
  readonly vhost: string
  readonly asked: Asked
  readonly act: (action: MessageAction) => Promise<void>
  readonly onClose: () => void
}

/** Asks for what an action needs to know: where to, or when. */
function Details({ vhost, asked, act, onClose }: DetailsProps) {
  const t = texts.value
  const target = useTargetForm()
  const dueInMs = useSignal<number | null>(null)
  const send = async (): Promise<void> => {
    if (asked !== 'hasten') await act({ action: asked, to: target.chosen() })
    else if (dueInMs.value === null) await act({ action: 'hasten' })
    else await act({ action: 'hasten', deliver_at: Date.now() + dueInMs.value })
    onClose()
  }
  return (
    <Dialog title={t[asked]} onClose={onClose}>
      <ActionForm label={t[asked]} disabled={asked !== 'hasten' && target.name.value === ''} onSend={send}>
        {asked === 'hasten' ? (
          <Field label={t.dueIn} help={t.dueInHelp}>
            <DurationInput value={dueInMs.value} onChange={(value) => (dueInMs.value = value)} />
          </Field>
        ) : (
          <FieldGrid>
            <TargetFields vhost={vhost} form={target} />
          </FieldGrid>
        )}
      </ActionForm>
    </Dialog>
  )
}
