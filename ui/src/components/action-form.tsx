import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { common } from '../i18n/common.ts'
import { useDraft } from '../state/drafts.ts'
import { Button, ButtonLink } from './button.tsx'
import { ErrorPanel } from './error-panel.tsx'

export interface ActionFormProps {
  /** What the button says: the deed. */
  readonly label: string
  /** What it throws is shown above the button. */
  readonly onSend: () => Promise<void>
  readonly disabled?: boolean
  /** Looks for something and changes nothing: nobody minds when what was filled in is lost. */
  readonly isSearch?: boolean
  /** Where cancelling leads, for a page that is nothing but the form. */
  readonly cancel?: string
  /** Where that is which one tries to add, if there is one of that name already. */
  readonly existing?: string
  readonly children: ComponentChildren
}

/** Fields and the button that sends them, which Enter presses, too. */
export function ActionForm({
  label,
  onSend,
  disabled = false,
  isSearch = false,
  cancel,
  existing,
  children,
}: ActionFormProps) {
  const draft = useDraft()
  const failure = useSignal<unknown>(null)
  const send = async (): Promise<void> => {
    failure.value = null
    try {
      await onSend()
      draft.settle()
    } catch (error) {
      failure.value = error
    }
  }
  return (
    <form class="stack" onSubmit={(event) => event.preventDefault()} onInput={isSearch ? undefined : draft.onInput}>
      {children}
      {failure.value !== null && <ErrorPanel error={failure.value} {...(existing !== undefined && { existing })} />}
      <div class="row">
        <Button kind="primary" submit disabled={disabled} onClick={send}>
          {label}
        </Button>
        {cancel !== undefined && <ButtonLink href={cancel}>{common.value.cancel}</ButtonLink>}
      </div>
    </form>
  )
}
