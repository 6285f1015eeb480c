import { useSignal, type Signal } from '@preact/signals'
import { exchangeNames } from '../../api/exchanges.ts'
import type { Arguments } from '../../api/types.ts'
import { ArgumentFields } from '../../components/arguments/argument-fields.tsx'
import { queueArguments } from '../../components/arguments/queue-arguments.ts'
import { TableEditor } from '../../components/arguments/table-editor.tsx'
import { Field, Select } from '../../components/form.tsx'
import { common } from '../../i18n/common.ts'
import { usePoll } from '../../state/poll.ts'
import { declareTexts } from './declare-texts.ts'

export type QueueType = 'classic' | 'quorum'

/** Type and arguments of a queue, while they are being chosen. */
export interface ArgumentForm {
  readonly type: Signal<QueueType>
  /** Those that have fields. What another type was given stays in here, and is not sent. */
  readonly known: Signal<Arguments>
  readonly further: Signal<Arguments>
}

/** @param initial all arguments that there are, `x-queue-type` among them */
export function useArgumentForm(initial: Arguments): ArgumentForm {
  const offered = new Set(queueArguments([]).flatMap(({ fields }) => fields.map(({ key }) => key)))
  const { 'x-queue-type': type, ...others } = initial
  const part = (isKnown: boolean): Arguments =>
    Object.fromEntries(Object.entries(others).filter(([key]) => offered.has(key) === isKnown))
  return {
    type: useSignal<QueueType>(type === 'quorum' ? 'quorum' : 'classic'),
    known: useSignal(part(true)),
    further: useSignal(part(false)),
  }
}

/** What is sent: without the type. */
export function chosenArguments({ type, known, further }: ArgumentForm): Arguments {
  const fitting = queueArguments([])
    .flatMap(({ fields }) => fields)
    .filter(({ key, types }) => key in known.value && (types?.includes(type.value) ?? true))
    .map(({ key }): [string, unknown] => [key, known.value[key]])
  return { ...Object.fromEntries(fitting), ...further.value }
}

export function TypeField({ form }: { readonly form: ArgumentForm }) {
  const t = declareTexts.value
  return (
    <Field label={common.value.type} help={t.typeHelp[form.type.value]}>
      <Select
        value={form.type}
        choices={[
          { value: 'classic', label: t.types.classic },
          { value: 'quorum', label: t.types.quorum },
        ]}
      />
    </Field>
  )
}

export function ArgumentPart({ form, vhost }: { readonly form: ArgumentForm; readonly vhost: string }) {
  const t = declareTexts.value
  const names = usePoll(vhost, (signal) => exchangeNames(vhost, signal), { once: true })
  return (
    <>
      <ArgumentFields groups={queueArguments(names.data.value ?? [])} values={form.known} type={form.type.value} />
      <div class="field">
        <span>{t.more}</span>
        <TableEditor label={t.more} values={form.further} />
        <p class="muted small">{t.moreHelp}</p>
      </div>
    </>
  )
}
