import { useSignal, type Signal } from '@preact/signals'
import { listVhostNames } from '../api/vhosts.ts'
import { common } from '../i18n/common.ts'
import { preferences } from '../state/preferences.ts'
import { usePoll } from '../state/poll.ts'
import { Field, Select } from './form.tsx'

/** The virtual host of something new: the chosen one, else the default one. */
export function useVhostField(): Signal<string> {
  return useSignal(preferences.vhost.peek() ?? '/')
}

export function VhostField({ value }: { readonly value: Signal<string> }) {
  const vhosts = usePoll('vhost names', listVhostNames, { once: true })
  const names = vhosts.data.value ?? []
  const offered = names.includes(value.value) ? names : [value.value, ...names]
  return (
    <Field label={common.value.vhost}>
      <Select value={value} choices={offered.map((name) => ({ value: name, label: name }))} />
    </Field>
  )
}
