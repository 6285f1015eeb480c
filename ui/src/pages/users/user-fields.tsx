import { useSignal, type Signal } from '@preact/signals'
import { Checkbox, Field, FieldGrid, PasswordInput, TextInput } from '../../components/form.tsx'
import { texts } from './texts.ts'

type KnownTag = keyof typeof texts.value.tagHelp
const KNOWN: readonly KnownTag[] = ['management', 'policymaker', 'monitoring', 'administrator']

/** Tags while they are being chosen. */
export interface TagForm {
  readonly known: Readonly<Record<KnownTag, Signal<boolean>>>
  readonly further: Signal<string>
  readonly chosen: () => readonly string[]
}

export function useTagForm(initial: readonly string[]): TagForm {
  const known = {
    management: useSignal(initial.includes('management')),
    policymaker: useSignal(initial.includes('policymaker')),
    monitoring: useSignal(initial.includes('monitoring')),
    administrator: useSignal(initial.includes('administrator')),
  }
  const further = useSignal(initial.filter((tag) => !(KNOWN as readonly string[]).includes(tag)).join(', '))
  const chosen = (): readonly string[] => [
    ...KNOWN.filter((tag) => known[tag].value),
    ...further.value
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
  ]
  return { known, further, chosen }
}

export function TagFields({ form }: { readonly form: TagForm }) {
  const t = texts.value
  return (
    <fieldset class="stack" aria-label={t.tags}>
      <FieldGrid>
        {KNOWN.map((tag) => (
          <Checkbox key={tag} value={form.known[tag]} label={tag} help={t.tagHelp[tag]} />
        ))}
        <Field label={t.further} help={t.furtherHelp} optional>
          <TextInput value={form.further} />
        </Field>
      </FieldGrid>
    </fieldset>
  )
}

/** A password while it is being chosen. */
export interface PasswordForm {
  readonly wanted: Signal<boolean>
  readonly first: Signal<string>
  readonly second: Signal<string>
  /** Null for no sign-in by password. */
  readonly chosen: () => string | null
  readonly isReady: () => boolean
}

export function usePasswordForm(): PasswordForm {
  const wanted = useSignal(true)
  const first = useSignal('')
  const second = useSignal('')
  return {
    wanted,
    first,
    second,
    chosen: () => (wanted.value ? first.value : null),
    isReady: () => !wanted.value || (first.value !== '' && first.value === second.value),
  }
}

export function PasswordFields({ form }: { readonly form: PasswordForm }) {
  const t = texts.value
  const differs = form.second.value !== '' && form.first.value !== form.second.value
  return (
    <>
      <Checkbox value={form.wanted} label={t.withPassword} help={t.withPasswordHelp} />
      {form.wanted.value && (
        <FieldGrid>
          <Field label={t.password}>
            <PasswordInput value={form.first} autocomplete="new-password" />
          </Field>
          <Field label={t.again} error={differs ? t.differs : null}>
            <PasswordInput value={form.second} autocomplete="new-password" />
          </Field>
        </FieldGrid>
      )}
    </>
  )
}
