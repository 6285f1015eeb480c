import type { RefObject } from 'preact'
import { useEffect, useRef } from 'preact/hooks'

/**
 * Where what had the focus in an element goes away by itself, as a row does that was deleted, it goes to the table there, or else to
 * the page's heading: with the focus nowhere, keys would begin at the top of the window.
 */
export function useLostFocus<T extends HTMLElement>(): RefObject<T | null> {
  const root = useRef<T>(null)
  useEffect(() => {
    const element = root.current!
    let held: EventTarget | null = null
    const onFocus = (event: FocusEvent): void => void (held = event.target)
    const onBlur = (event: FocusEvent): void => {
      if (event.relatedTarget !== null) held = null
    }
    const onPointer = (): void => void (held = null)
    const watch = new MutationObserver(() => {
      if (!(held instanceof HTMLElement) || held.isConnected) return
      held = null
      if (document.activeElement !== document.body) return
      const place = element.querySelector<HTMLElement>('[role=region]') ?? document.querySelector<HTMLElement>('h1')
      place?.focus({ preventScroll: true })
    })
    watch.observe(element, { childList: true, subtree: true })
    element.addEventListener('focusin', onFocus)
    element.addEventListener('focusout', onBlur)
    document.addEventListener('pointerdown', onPointer)
    return () => {
      watch.disconnect()
      element.removeEventListener('focusin', onFocus)
      element.removeEventListener('focusout', onBlur)
      document.removeEventListener('pointerdown', onPointer)
    }
  }, [])
  return root
}
