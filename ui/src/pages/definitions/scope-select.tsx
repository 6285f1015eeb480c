import type { Signal } from '@preact/signals'
import { listVhostNames } from '../../api/vhosts.ts'
import { useFieldProps } from '../../components/form.tsx'
import { usePoll } from '../../state/poll.ts'
import { texts } from './texts.ts'

/** Everything (null), or one virtual host. */
export function ScopeSelect({ value }: { readonly value: Signal<string | null> }) {
  const vhosts = usePoll('vhost names', listVhostNames, { once: true })
  const names = vhosts.data.value ?? []
  // By place: a virtual host may have any name.
  const selected = value.value === null ? 0 : names.indexOf(value.value) + 1
  return (
    <select
      {...useFieldProps()}
      class="input select"
      value={String(selected)}
      onChange={({ currentTarget: { selectedIndex } }) =>
        (value.value = selectedIndex === 0 ? null : names[selectedIndex - 1]!)
      }
    >
      <option value="0">{texts.value.everything}</option>
      {names.map((name, i) => (
        <option key={name} value={String(i + 1)}>
          {name}
        </option>
      ))}
    </select>
  )
}
