import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import { Icon, type IconName } from './icon.tsx'
import './menu.css'

export interface MenuProps {
  readonly label: string
  readonly icon?: IconName
  /** Shows the icon alone. */
  readonly iconOnly?: boolean
  readonly children: ComponentChildren
}

/** A button that opens a small panel below it. Escape, a click elsewhere, and a focus that goes elsewhere close it. */
export function Menu({ label, icon, iconOnly = false, children }: MenuProps) {
  const open = useSignal(false)
  const root = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)
  const id = useId()
  useEffect(() => {
    if (!open.value) return
    const onPointer = (event: PointerEvent): void => {
      if (!root.current!.contains(event.target as Node)) open.value = false
    }
    document.addEventListener('pointerdown', onPointer)
    return () => document.removeEventListener('pointerdown', onPointer)
  }, [open.value])
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !open.peek()) return
    event.stopPropagation()
    open.value = false
    button.current?.focus()
  }
  const onLeave = (event: FocusEvent): void => {
    // Without a new place the window has lost the focus, and will have it again.
    if (event.relatedTarget !== null && !root.current!.contains(event.relatedTarget as Node)) open.value = false
  }
  return (
    <div class="menu" ref={root} onKeyDown={onKey} onFocusOut={onLeave}>
      <button
        type="button"
        ref={button}
        class={`button button-normal ${iconOnly ? 'button-quiet menu-icon' : 'button-plain'}`}
        aria-expanded={open.value}
        aria-controls={id}
        aria-label={iconOnly ? label : undefined}
        title={iconOnly ? label : undefined}
        onClick={() => (open.value = !open.value)}
      >
        {icon !== undefined && <Icon name={icon} />}
        {!iconOnly && label}
      </button>
      <div class="menu-panel" id={id} hidden={!open.value}>
        {open.value && children}
      </div>
    </div>
  )
}
