import type { Signal } from '@preact/signals'
import { common } from '../i18n/common.ts'
import { nameFault } from './advice.ts'
import { Field, TextInput } from './form.tsx'
import { VhostField } from './vhost-field.tsx'

interface NameFieldsProps {
  readonly vhost: Signal<string>
  readonly name: Signal<string>
  readonly help: string
}

/** Where something new is to be, and what it is called; the cursor is in the name. */
export const NameFields = ({ vhost, name, help }: NameFieldsProps) => (
  <>
    <VhostField value={vhost} />
    <Field label={common.value.name} help={help} error={nameFault(name.value)}>
      <TextInput value={name} autofocus />
    </Field>
  </>
)
