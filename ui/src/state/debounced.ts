import { useSignal, type ReadonlySignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'

const TYPING_MS = 300

/** The value once it has stayed the same for a moment, so that the broker is not asked about every letter. */
export function useDebounced(value: string): ReadonlySignal<string> {
  const settled = useSignal(value)
  useEffect(() => {
    const timer = setTimeout(() => (settled.value = value), TYPING_MS)
    return () => clearTimeout(timer)
  }, [value])
  return settled
}
