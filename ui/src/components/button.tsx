import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { showError } from './toasts.tsx'
import './button.css'

export interface ButtonProps {
  readonly kind?: 'plain' | 'primary' | 'danger' | 'quiet'
  readonly size?: 'normal' | 'small'
  /** While what it returns is pending the button is busy; what it throws is shown as a toast. */
  readonly onClick?: () => void | Promise<void>
  readonly disabled?: boolean
  readonly submit?: boolean
  readonly busy?: boolean
  /** For buttons that show no text of their own, and as a tooltip. */
  readonly label?: string
  readonly pressed?: boolean
  readonly expanded?: boolean
  readonly children: ComponentChildren
}

/** A button that cannot be pressed twice while it works. */
export function Button(props: ButtonProps) {
  const { kind = 'plain', size = 'normal', onClick, disabled = false, submit = false, label, children } = props
  const working = useSignal(false)
  const busy = working.value || props.busy === true
  const press = async (button: HTMLButtonElement): Promise<void> => {
    if (working.peek() || onClick === undefined) return
    if ((submit || kind === 'primary') && goToFault(button.form)) return
    try {
      const result = onClick()
      if (result === undefined) return
      working.value = true
      await result
    } catch (error) {
      showError(error)
    } finally {
      working.value = false
    }
  }
  return (
    <button
      type={submit ? 'submit' : 'button'}
      class={`button button-${kind} button-${size}`}
      disabled={disabled}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      aria-label={label}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      title={label}
      onClick={onClick === undefined ? undefined : (event) => void press(event.currentTarget)}
    >
      {children}
    </button>
  )
}

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement

/**
 * What is wrong in a form would be left out, or be refused later. Goes to the first such input, where the browser says what it is
 * that itself has found: of what is no number in an input for numbers, scripts see nothing at all. @returns whether there is one
 */
function goToFault(form: HTMLFormElement | null): boolean {
  const input = form?.querySelector<Control>(':is(input, select, textarea):is([aria-invalid="true"], :invalid)')
  if (input === null || input === undefined) return false
  const folded = input.closest('details')
  if (folded !== null) folded.open = true
  input.focus()
  input.reportValidity()
  return true
}

/** A link that looks like a button: it leads to another page. */
export function ButtonLink({
  href,
  kind = 'plain',
  size = 'normal',
  children,
}: {
  readonly href: string
  readonly kind?: ButtonProps['kind']
  readonly size?: ButtonProps['size']
  readonly children: ComponentChildren
}) {
  return (
    <a class={`button button-${kind} button-${size}`} href={href}>
      {children}
    </a>
  )
}
