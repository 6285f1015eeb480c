import { useSignal } from '@preact/signals'
import { ApiError } from '../../api/http.ts'
import { closeConnection } from '../../api/connections.ts'
import { Button } from '../../components/button.tsx'
import { Dialog, DialogActions } from '../../components/dialog.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Field, TextInput } from '../../components/form.tsx'
import { showDone } from '../../components/toasts.tsx'
import { count } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { texts } from './texts.ts'

export interface CloseDialogProps {
  /** Of connections; at least one. */
  readonly names: readonly string[]
  readonly onClosed: () => void
  readonly onDismiss: () => void
}

/** Asks why, and closes. */
export function CloseDialog({ names, onClosed, onDismiss }: CloseDialogProps) {
  const t = texts.value
  const reason = useSignal('')
  const failure = useSignal<unknown>(null)
  const busy = useSignal(false)
  const close = async (): Promise<void> => {
    if (busy.peek()) return
    busy.value = true
    failure.value = null
    try {
      for (const name of names) await closeUnlessGone(name, reason.value)
      showDone(names.length === 1 ? t.closed(names[0]!) : t.closedMany(count(names.length)))
      onDismiss()
      onClosed()
    } catch (error) {
      failure.value = error
    } finally {
      busy.value = false
    }
  }
  return (
    <Dialog title={names.length === 1 ? t.closeTitle : t.closeManyTitle(count(names.length))} onClose={onDismiss}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          void close()
        }}
      >
        <p>{t.closeText}</p>
        <Field label={t.reason} help={t.reasonHelp} optional>
          <TextInput value={reason} autofocus />
        </Field>
        {failure.value !== null && <ErrorPanel error={failure.value} />}
        <DialogActions>
          <Button onClick={onDismiss}>{common.value.cancel}</Button>
          <Button kind="danger" submit busy={busy.value}>
            {names.length === 1 ? t.close : t.closeMany(count(names.length))}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

/** One that has gone meanwhile is as wanted. */
async function closeUnlessGone(name: string, reason: string): Promise<void> {
  try {
    await closeConnection(name, reason)
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error
  }
}
