import { useSignal, type Signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { TextInput } from './form.tsx'

const TYPING_MS = 200

export interface SuggestInputProps {
  readonly value: Signal<string>
  /** Names that contain the text. */
  readonly suggest: (text: string, signal: AbortSignal) => Promise<readonly string[]>
  /** Says what else the names depend on, such as the virtual host. */
  readonly suggestKey: string
  readonly required?: boolean
}

/** A name that is typed, with those offered that the broker has. */
export function SuggestInput({ value, suggest, suggestKey, required }: SuggestInputProps) {
  const names = useSignal<readonly string[]>([])
  useEffect(() => {
    const abort = new AbortController()
    const ask = async (): Promise<void> => {
      try {
        names.value = await suggest(value.peek(), abort.signal)
      } catch {
        // Suggestions are a help, not a need: what is typed goes to the broker anyway, which says if it is wrong.
      }
    }
    const timer = setTimeout(() => void ask(), TYPING_MS)
    return () => {
      clearTimeout(timer)
      abort.abort()
    }
  }, [value.value, suggestKey])
  return <TextInput value={value} suggestions={names.value} {...(required === true && { required })} />
}
