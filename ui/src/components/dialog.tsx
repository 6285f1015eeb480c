import { signal, useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { common } from '../i18n/common.ts'
import { path } from '../router.ts'
import { Button } from './button.tsx'
import { TextInput } from './form.tsx'
import { Icon } from './icon.tsx'
import { Name } from './name.tsx'
import './dialog.css'

export interface DialogProps {
  readonly title: string
  /** Called when it is closed by its button, by Escape, or by a click beside it. */
  readonly onClose: () => void
  readonly wide?: boolean
  readonly children: ComponentChildren
}

/** A modal dialog for as long as it is drawn. The browser keeps the focus in it; where it came from it goes back to. */
export function Dialog({ title, onClose, wide = false, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const dialog = element.current!
    const before = document.activeElement
    dialog.showModal()
    return () => {
      dialog.close()
      // Closing what is no longer in the page gives nothing back.
      if (before instanceof HTMLElement) before.focus({ preventScroll: true })
    }
  }, [])
  return (
    <dialog
      ref={element}
      class={wide ? 'dialog dialog-wide' : 'dialog'}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onMouseDown={(event) => {
        if (event.target === element.current) onClose()
      }}
    >
      <div class="dialog-body">
        <header class="dialog-header">
          <h2 id={id}>
            <Name of={title} />
          </h2>
          <Button kind="quiet" size="small" label={common.value.close} onClick={onClose}>
            <Icon name="close" />
          </Button>
        </header>
        {children}
      </div>
    </dialog>
  )
}

/** Buttons at the end of a dialog. */
export function DialogActions({ children }: { readonly children: ComponentChildren }) {
  return <div class="dialog-actions">{children}</div>
}

export interface Question {
  readonly title: string
  /** What will happen, and what cannot be undone. */
  readonly text: ComponentChildren
  /** What the button says: the deed, not "OK". */
  readonly confirm: string
  readonly danger?: boolean
  /** Has to be typed before the button works: for what loses data. */
  readonly typeName?: string
}

interface Asked extends Question {
  readonly answer: (yes: boolean) => void
}

const asked = signal<Asked | null>(null)

/** Asks before something is done. Resolves to whether it is wanted: not, when the page is left or something else is asked. */
export function confirm(question: Question): Promise<boolean> {
  asked.peek()?.answer(false)
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null
        resolve(yes)
      },
    }
  })
}

/** Stands once in the layout. */
export function ConfirmDialog() {
  // The browser's own buttons go on to work, and what was asked on one page is out of place on another.
  useEffect(() => () => asked.peek()?.answer(false), [path.value])
  const question = asked.value
  return question === null ? null : <Confirm {...question} />
}

function Confirm({ title, text, confirm: label, danger = false, typeName, answer }: Asked) {
  const typed = useSignal('')
  // An input has no lines.
  const ready = typeName === undefined || typed.value === typeName.replaceAll(/[\r\n]/g, '')
  return (
    <Dialog title={title} onClose={() => answer(false)}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault()
          if (ready) answer(true)
        }}
      >
        <div>{text}</div>
        {typeName !== undefined && (
          <div class="dialog-typing">
            <Prompt name={typeName} />
            <TextInput value={typed} label={common.value.nameToConfirm(typeName)} mono autofocus />
          </div>
        )}
        <DialogActions>
          <Button onClick={() => answer(false)}>{common.value.cancel}</Button>
          <Button kind={danger ? 'danger' : 'primary'} submit disabled={!ready}>
            {label}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

/** A click takes hold of the whole name: what cannot be typed can be copied. No label, which would pass the click on to its input. */
function Prompt({ name }: { readonly name: string }) {
  const [before, after] = common.value.nameToConfirm('\n').split('\n')
  return (
    <p class="dialog-prompt">
      {before}
      <span class="dialog-name">
        <Name of={name} />
      </span>
      {after}
    </p>
  )
}
