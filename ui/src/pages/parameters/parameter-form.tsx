import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { ActionForm } from '../../components/action-form.tsx'
import { Field, FieldGrid, TextArea } from '../../components/form.tsx'
import { Card } from '../../components/page.tsx'
import { inexactNumber } from '../../exact-json.ts'
import { texts } from './texts.ts'

export interface ParameterFormProps {
  /** Undefined for a new one. */
  readonly value: unknown
  /** Whether what is asked for by `children` is there. */
  readonly isNamed: boolean
  readonly onSend: (value: unknown) => Promise<void>
  readonly cancel?: string
  /** Fields that say which parameter it is. */
  readonly children?: ComponentChildren
}

/** The value of a parameter as JSON. */
export function ParameterForm({ value, isNamed, onSend, cancel, children }: ParameterFormProps) {
  const t = texts.value
  const text = useSignal(value === undefined ? '' : JSON.stringify(value, null, 2))
  const parsed = parse(text.value)
  const isBad = text.value.trim() !== '' && parsed === undefined
  // One that came so from the broker is not what the broker has any more.
  const inexact = inexactNumber(text.value)
  const fault = isBad ? t.notJson : inexact === null ? null : t.inexact(inexact)
  return (
    <Card>
      <ActionForm
        label={t.save}
        disabled={!isNamed || parsed === undefined || inexact !== null}
        onSend={() => onSend(parsed)}
        {...(cancel !== undefined && { cancel })}
      >
        {children !== undefined && <FieldGrid>{children}</FieldGrid>}
        <Field label={t.value} help={t.valueHelp} error={fault}>
          <TextArea value={text} rows={12} mono />
        </Field>
      </ActionForm>
    </Card>
  )
}

/** Undefined where it is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
