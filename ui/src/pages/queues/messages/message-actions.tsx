import { useSignal } from '@preact/signals'
import type { MessageAction } from '../../../api/queue-messages.ts'
import { ActionForm } from '../../../components/action-form.tsx'
import { Button } from '../../../components/button.tsx'
import { confirm, Dialog } from '../../../components/dialog.tsx'
import { Checkbox, FieldGrid } from '../../../components/form.tsx'
import { useActing } from '../../../components/message-browser/act.ts'
import { HastenDialog } from '../../../components/message-browser/hasten-dialog.tsx'
import type { BrowserActionsProps } from '../../../components/message-browser/message-browser.tsx'
import { texts } from '../../../components/message-browser/texts.ts'
import { count } from '../../../format.ts'
import { TargetFields, useTargetForm } from '../target-fields.tsx'

type Asked = 'move' | 'copy' | 'hasten'

/** What can be done with messages of a queue, each as a job. */
export function MessageActions(props: BrowserActionsProps) {
  const t = texts.value
  const { place, picked } = props
  const { all, isIdle, act, begin } = useActing(props)
  const asked = useSignal<Asked | null>(null)
  const close = (): void => void (asked.value = null)
  const sure = async (action: 'delete' | 'redrive' | 'cancel', title: string, text: string): Promise<void> => {
    const question = { title, text, confirm: t[action], danger: action !== 'redrive' }
    // Of all that fit nobody has seen every one.
    const isBlind = all.peek() && action !== 'redrive'
    if (await confirm({ ...question, ...(isBlind && { typeName: place.name }) })) await act({ action })
  }
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
      {asked.value === 'hasten' && <HastenDialog begin={begin} onClose={close} />}
      {(asked.value === 'move' || asked.value === 'copy') && (
        <TargetDialog vhost={place.vhost} asked={asked.value} begin={begin} onClose={close} />
      )}
    </div>
  )
}

interface TargetDialogProps {
  readonly vhost: string
  readonly asked: 'move' | 'copy'
  readonly begin: (action: MessageAction) => Promise<void>
  readonly onClose: () => void
}

/** Asks where messages are to go. */
function TargetDialog({ vhost, asked, begin, onClose }: TargetDialogProps) {
  const t = texts.value
  const target = useTargetForm()
  const send = async (): Promise<void> => {
    await begin({ action: asked, to: target.chosen() })
    onClose()
  }
  return (
    <Dialog title={t[asked]} onClose={onClose}>
      <ActionForm label={t[asked]} disabled={target.name.value === ''} onSend={send}>
        <FieldGrid>
          <TargetFields vhost={vhost} form={target} />
        </FieldGrid>
      </ActionForm>
    </Dialog>
  )
}
