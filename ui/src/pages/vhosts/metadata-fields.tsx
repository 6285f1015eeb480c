import { useSignal, type Signal } from '@preact/signals'
import type { VhostMetadata } from '../../api/vhosts.ts'
import { Field, Select, TextInput } from '../../components/form.tsx'
import { texts } from './texts.ts'

type ChosenType = '' | 'classic' | 'quorum'

/** What is known of a virtual host, while it is being filled in. */
export interface MetadataForm {
  readonly description: Signal<string>
  readonly tags: Signal<string>
  readonly type: Signal<ChosenType>
  readonly chosen: () => VhostMetadata
}

export function useMetadataForm(initial: VhostMetadata): MetadataForm {
  const description = useSignal(initial.description)
  const tags = useSignal(initial.tags.join(', '))
  const given = initial.default_queue_type
  const type = useSignal<ChosenType>(given === 'classic' || given === 'quorum' ? given : '')
  const chosen = (): VhostMetadata => ({
    description: description.value,
    tags: tags.value
      .split(',')
      .map((tag) => tag.trim())
      .filter((tag) => tag !== ''),
    default_queue_type: type.value,
  })
  return { description, tags, type, chosen }
}

export function MetadataFields({ form }: { readonly form: MetadataForm }) {
  const t = texts.value
  return (
    <>
      <Field label={t.description} optional>
        <TextInput value={form.description} />
      </Field>
      <Field label={t.tags} help={t.tagsHelp} optional>
        <TextInput value={form.tags} />
      </Field>
      <Field label={t.defaultType} help={t.defaultTypeHelp}>
        <Select
          value={form.type}
          choices={[
            { value: '', label: t.nodeDefault },
            { value: 'classic', label: 'classic' },
            { value: 'quorum', label: 'quorum' },
          ]}
        />
      </Field>
    </>
  )
}
