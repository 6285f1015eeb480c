import type { Signal } from '@preact/signals'
import { createContext, type ComponentChildren } from 'preact'
import { useContext, useId } from 'preact/hooks'
import { common } from '../i18n/common.ts'
import './form.css'

interface FieldIds {
  readonly control: string
  readonly described: string | undefined
  readonly invalid: boolean
}

const FieldContext = createContext<FieldIds | null>(null)

export interface FieldProps {
  readonly label: string
  /** What it does, and what holds when it is left empty. */
  readonly help?: ComponentChildren
  /** Why it cannot be sent as it is; null or undefined when it can. */
  readonly error?: string | null | undefined
  readonly optional?: boolean
  /** One control: a TextInput, Select … */
  readonly children: ComponentChildren
}

/** A label, a control, help and an error, tied together for screen readers. */
export function Field({ label, help, error, optional = false, children }: FieldProps) {
  const id = useId()
  const invalid = error !== undefined && error !== null
  const described = [help !== undefined && `${id}-help`, invalid && `${id}-error`].filter((part) => part !== false)
  return (
    <div class="field">
      <label for={id}>
        {label}
        {optional && <span class="muted"> ({common.value.optional})</span>}
      </label>
      <FieldContext.Provider
        value={{ control: id, described: described.length > 0 ? described.join(' ') : undefined, invalid }}
      >
        {children}
      </FieldContext.Provider>
      {invalid && (
        <p class="field-error small" id={`${id}-error`}>
          {error}
        </p>
      )}
      {help !== undefined && (
        <p class="muted small" id={`${id}-help`}>
          {help}
        </p>
      )}
    </div>
  )
}

/** Attributes that tie a control to the field around it; none where there is no field. */
export function useFieldProps() {
  const field = useContext(FieldContext)
  return {
    id: field?.control,
    'aria-describedby': field?.described,
    'aria-invalid': field?.invalid === true ? true : undefined,
  }
}

export interface TextInputProps {
  readonly value: Signal<string>
  readonly placeholder?: string
  readonly mono?: boolean
  readonly required?: boolean
  readonly autocomplete?: string
  readonly autofocus?: boolean
  /** For an input without a field around it. */
  readonly label?: string
  /** Names that are offered while typing. */
  readonly suggestions?: readonly string[]
  readonly onChange?: (value: string) => void
}

export function TextInput(props: TextInputProps) {
  const { value, mono = false, suggestions, onChange } = props
  const list = useId()
  return (
    <>
      <input
        {...useFieldProps()}
        type="text"
        list={suggestions === undefined ? undefined : list}
        class={mono ? 'input mono' : 'input'}
        value={value.value}
        placeholder={props.placeholder}
        required={props.required}
        autocomplete={props.autocomplete ?? 'off'}
        autoFocus={props.autofocus}
        aria-label={props.label}
        spellcheck={false}
        onInput={(event) => {
          value.value = event.currentTarget.value
          onChange?.(event.currentTarget.value)
        }}
      />
      {suggestions !== undefined && (
        <datalist id={list}>
          {suggestions.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
    </>
  )
}

/** Text that nobody else should read on the screen. */
export function PasswordInput({
  value,
  autocomplete,
}: {
  readonly value: Signal<string>
  readonly autocomplete: string
}) {
  return (
    <input
      {...useFieldProps()}
      class="input"
      type="password"
      value={value.value}
      autocomplete={autocomplete}
      onInput={(event) => (value.value = event.currentTarget.value)}
    />
  )
}

export interface NumberInputProps {
  /** As text, so that an empty input is told from 0. */
  readonly value: Signal<string>
  readonly min?: number
  readonly max?: number
  readonly step?: number | 'any'
  readonly placeholder?: string
  readonly label?: string
}

export function NumberInput({ value, min, max, step, placeholder, label }: NumberInputProps) {
  return (
    <input
      {...useFieldProps()}
      class="input"
      type="number"
      inputMode="decimal"
      value={value.value}
      min={min}
      max={max}
      step={step}
      placeholder={placeholder}
      aria-label={label}
      onInput={(event) => (value.value = event.currentTarget.value)}
    />
  )
}

export function TextArea(props: {
  readonly value: Signal<string>
  readonly rows?: number
  readonly mono?: boolean
  readonly placeholder?: string
  readonly label?: string
}) {
  const { value, rows = 6, mono = false, placeholder, label } = props
  return (
    <textarea
      {...useFieldProps()}
      class={mono ? 'input mono' : 'input'}
      rows={rows}
      placeholder={placeholder}
      aria-label={label}
      spellcheck={false}
      value={value.value}
      onInput={(event) => (value.value = event.currentTarget.value)}
    />
  )
}

export interface Choice<T extends string> {
  readonly value: T
  readonly label: string
}

export interface SelectProps<T extends string> {
  readonly value: Signal<T>
  readonly choices: readonly Choice<T>[]
  readonly label?: string
  readonly onChange?: (value: T) => void
}

export function Select<T extends string>({ value, choices, label, onChange }: SelectProps<T>) {
  return (
    <select
      {...useFieldProps()}
      class="input select"
      aria-label={label}
      value={value.value}
      onChange={(event) => {
        value.value = event.currentTarget.value as T
        onChange?.(value.value)
      }}
    >
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.label}
        </option>
      ))}
    </select>
  )
}

/** A box to tick, with its label beside it. Needs no Field. */
export function Checkbox(props: {
  readonly value: Signal<boolean>
  readonly label: string
  readonly help?: ComponentChildren
  readonly disabled?: boolean
}) {
  const { value, label, help, disabled } = props
  const id = useId()
  return (
    <div class="checkbox">
      <input
        id={id}
        type="checkbox"
        checked={value.value}
        disabled={disabled}
        aria-describedby={help === undefined ? undefined : `${id}-help`}
        onChange={(event) => (value.value = event.currentTarget.checked)}
      />
      <div>
        <label for={id}>{label}</label>
        {help !== undefined && (
          <p class="muted small" id={`${id}-help`}>
            {help}
          </p>
        )}
      </div>
    </div>
  )
}

/** Fields side by side where there is room. */
export function FieldGrid({ children }: { readonly children: ComponentChildren }) {
  return <div class="field-grid">{children}</div>
}
