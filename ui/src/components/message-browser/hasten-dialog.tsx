import { useSignal } from '@preact/signals'
import type { MessageAction } from '../../api/queue-messages.ts'
import { ActionForm } from '../action-form.tsx'
import { Dialog } from '../dialog.tsx'
import { Field } from '../form.tsx'
import { DurationInput } from '../quantity-input.tsx'
import { texts } from './texts.ts'

export interface HastenDialogProps {
  readonly begin: (action: MessageAction) => Promise<void>
  readonly onClose: () => void
}

/** Asks when delayed messages are to be due. */
export function HastenDialog({ begin, onClose }: HastenDialogProps) {
  const t = texts.value
  const dueInMs = useSignal<number | null>(null)
  const send = async (): Promise<void> => {
    const wait = dueInMs.value
    await begin(wait === null ? { action: 'hasten' } : { action: 'hasten', deliver_at: Date.now() + wait })
    onClose()
  }
  return (
    <Dialog title={t.hasten} onClose={onClose}>
      <ActionForm label={t.hasten} onSend={send}>
        <Field label={t.dueIn} help={t.dueInHelp}>
          <DurationInput value={dueInMs.value} onChange={(value) => (dueInMs.value = value)} />
        </Field>
      </ActionForm>
    </Dialog>
  )
}
