import { useSignal, type Signal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import type { Arguments } from '../../api/types.ts'
import { defineTexts } from '../../i18n/language.ts'
import { Field, FieldGrid, useFieldProps } from '../form.tsx'
import { BytesInput, DurationInput } from '../quantity-input.tsx'
import './argument-fields.css'

/** How a value is entered. */
export type ArgumentKind = 'text' | 'count' | 'number' | 'duration' | 'bytes' | 'flag' | 'choice'

/** An argument that the broker knows. */
export interface ArgumentField {
  /** As clients write it: `x-message-ttl`. */
  readonly key: string
  readonly kind: ArgumentKind
  readonly label: string
  /** What it does, and what holds without it. */
  readonly help: string
  /** Of a choice. The values are the broker's own words. */
  readonly choices?: readonly string[]
  /** Queue types that take it; all where it is left out. */
  readonly types?: readonly string[]
  /** Names offered while typing. */
  readonly suggestions?: readonly string[]
}

export interface ArgumentGroup {
  readonly title: string
  readonly fields: readonly ArgumentField[]
}

const texts = defineTexts(
  { unset: 'not set', yes: 'yes', no: 'no', set: (n: number) => `${n} set`, key: 'Argument' },
  { unset: '未设置', yes: '是', no: '否', set: (n) => `已设置 ${n} 项`, key: '参数' },
)

export interface ArgumentFieldsProps {
  readonly groups: readonly ArgumentGroup[]
  /** Holds what is set, by key; what is not set is not in it. */
  readonly values: Signal<Arguments>
  /** Leaves out what this queue type does not take. */
  readonly type?: string
}

/** Arguments in groups that fold away. A group with something set is open at first. */
export function ArgumentFields({ groups, values, type }: ArgumentFieldsProps) {
  return (
    <div class="argument-groups">
      {groups.map((group) => (
        <Group key={group.title} group={group} values={values} type={type} />
      ))}
    </div>
  )
}

function Group(props: {
  readonly group: ArgumentGroup
  readonly values: Signal<Arguments>
  readonly type: string | undefined
}) {
  const { group, values, type } = props
  const fields = group.fields.filter(({ types }) => type === undefined || (types?.includes(type) ?? true))
  const set = fields.filter(({ key }) => key in values.value).length
  const open = useSignal(set > 0)
  if (fields.length === 0) return null
  return (
    <details class="argument-group" open={open.value} onToggle={(event) => (open.value = event.currentTarget.open)}>
      <summary>
        {group.title}
        {set > 0 && <span class="badge badge-accent">{texts.value.set(set)}</span>}
      </summary>
      {open.value && (
        <FieldGrid>
          {fields.map((field) => (
            <ArgumentControl key={field.key} field={field} values={values} />
          ))}
        </FieldGrid>
      )}
    </details>
  )
}

function ArgumentControl({ field, values }: { readonly field: ArgumentField; readonly values: Signal<Arguments> }) {
  const set = (value: unknown): void => {
    const { [field.key]: _, ...others } = values.peek()
    values.value = value === null ? others : { ...others, [field.key]: value }
  }
  return (
    <Field label={field.label} help={<Help field={field} />}>
      <Control field={field} value={values.value[field.key] ?? null} set={set} />
    </Field>
  )
}

function Help({ field }: { readonly field: ArgumentField }): ComponentChildren {
  return (
    <>
      {field.help} <code class="argument-key">{field.key}</code>
    </>
  )
}

interface ControlProps {
  readonly field: ArgumentField
  /** Null where it is not set. */
  readonly value: unknown
  readonly set: (value: unknown) => void
}

function Control({ field, value, set }: ControlProps) {
  const amount = typeof value === 'number' ? value : null
  switch (field.kind) {
    case 'duration':
      return <DurationInput value={amount} onChange={set} />
    case 'bytes':
      return <BytesInput value={amount} onChange={set} />
    case 'count':
    case 'number':
      return <NumberControl field={field} value={amount} set={set} />
    case 'flag':
      return (
        <ChoiceControl
          options={['true', 'false']}
          label={flagLabel}
          value={value}
          set={(text) => set(text === null ? null : text === 'true')}
        />
      )
    case 'choice':
      return <ChoiceControl options={field.choices ?? []} label={(text) => text} value={value} set={set} />
    case 'text':
      return <TextControl field={field} value={value} set={set} />
  }
}

const flagLabel = (text: string): string => (text === 'true' ? texts.value.yes : texts.value.no)

function NumberControl({ field, value, set }: ControlProps & { readonly value: number | null }) {
  // What is being typed ("1.") is not always a number yet.
  const typed = useSignal(value === null ? '' : String(value))
  return (
    <input
      {...useFieldProps()}
      class="input"
      type="number"
      step={field.kind === 'count' ? 1 : 'any'}
      inputMode="decimal"
      value={typed.value}
      onInput={(event) => {
        typed.value = event.currentTarget.value
        set(typed.value.trim() === '' || Number.isNaN(Number(typed.value)) ? null : Number(typed.value))
      }}
    />
  )
}

function TextControl({ field, value, set }: ControlProps) {
  const props = useFieldProps()
  const list = field.suggestions === undefined ? undefined : `${props.id ?? field.key}-list`
  return (
    <>
      <input
        {...props}
        class="input"
        type="text"
        list={list}
        spellcheck={false}
        autocomplete="off"
        value={typeof value === 'string' ? value : ''}
        onInput={(event) => set(event.currentTarget.value === '' ? null : event.currentTarget.value)}
      />
      {list !== undefined && (
        <datalist id={list}>
          {field.suggestions?.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
    </>
  )
}

function ChoiceControl(props: {
  readonly options: readonly string[]
  readonly label: (option: string) => string
  readonly value: unknown
  readonly set: (option: string | null) => void
}) {
  const { options, label, value, set } = props
  return (
    <select
      {...useFieldProps()}
      class="input select"
      value={value === null ? '' : String(value)}
      onChange={(event) => set(event.currentTarget.value === '' ? null : event.currentTarget.value)}
    >
      <option value="">{texts.value.unset}</option>
      {options.map((option) => (
        <option key={option} value={option}>
          {label(option)}
        </option>
      ))}
    </select>
  )
}
