import { useSignal } from '@preact/signals'
import { Button } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { Checkbox } from '../../components/form.tsx'
import { useActing } from '../../components/message-browser/act.ts'
import { HastenDialog } from '../../components/message-browser/hasten-dialog.tsx'
import type { BrowserActionsProps } from '../../components/message-browser/message-browser.tsx'
import { texts } from '../../components/message-browser/texts.ts'
import { count } from '../../format.ts'

/** What can be done with messages that an exchange keeps until they are due. */
export function DelayedActions(props: BrowserActionsProps) {
  const t = texts.value
  const { place, picked } = props
  const { all, isIdle, act, begin } = useActing(props)
  const isHastening = useSignal(false)
  const cancel = async (): Promise<void> => {
    const question = { title: t.cancelTitle, text: t.cancelText, confirm: t.cancel, danger: true }
    // Of all that fit nobody has seen every one.
    if (await confirm({ ...question, ...(all.peek() && { typeName: place.name }) })) await act({ action: 'cancel' })
  }
  return (
    <div class="stack">
      <div class="row">
        <span class="grow">{t.picked(count(picked.value.size))}</span>
        <Button size="small" disabled={isIdle} onClick={() => void (isHastening.value = true)}>
          {t.hasten}
        </Button>
        <Button size="small" kind="danger" disabled={isIdle} onClick={cancel}>
          {t.cancel}
        </Button>
      </div>
      <Checkbox value={all} label={t.allFound} />
      {isHastening.value && <HastenDialog begin={begin} onClose={() => void (isHastening.value = false)} />}
    </div>
  )
}
