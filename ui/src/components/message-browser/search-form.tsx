import { useSignal } from '@preact/signals'
import type { MessageSearch, PeekOptions } from '../../api/queue-messages.ts'
import { ActionForm } from '../action-form.tsx'
import { Field, FieldGrid, Select, TextArea, TextInput } from '../form.tsx'
import { texts } from './texts.ts'

/** What is searched for, and from which end. */
export interface Search {
  readonly search: MessageSearch
  readonly from: PeekOptions['from']
}

export const EVERYTHING: Search = { search: { state: 'all', key: '', header: [], body: '' }, from: 'head' }

export interface SearchFormProps {
  /** Messages of a queue may be in any state; those of an exchange only wait. */
  readonly hasStates: boolean
  readonly onSearch: (search: Search) => Promise<void>
}

export function SearchForm({ hasStates, onSearch }: SearchFormProps) {
  const t = texts.value
  const state = useSignal<MessageSearch['state']>('all')
  const key = useSignal('')
  const headers = useSignal('')
  const body = useSignal('')
  const from = useSignal<PeekOptions['from']>('head')
  const send = (): Promise<void> => {
    const header = headers.value.split('\n').filter((line) => line.trim() !== '')
    return onSearch({ search: { state: state.value, key: key.value, header, body: body.value }, from: from.value })
  }
  const states = Object.entries(t.states) as [MessageSearch['state'], string][]
  const ends = Object.entries(t.ends) as [PeekOptions['from'], string][]
  return (
    <ActionForm isSearch label={t.search} onSend={send}>
      <FieldGrid>
        {hasStates && (
          <Field label={t.state}>
            <Select value={state} choices={states.map(([value, label]) => ({ value, label }))} />
          </Field>
        )}
        <Field label={t.key} help={t.keyHelp}>
          <TextInput value={key} mono />
        </Field>
        <Field label={t.body} help={t.bodyHelp}>
          <TextInput value={body} />
        </Field>
        <Field label={t.from}>
          <Select value={from} choices={ends.map(([value, label]) => ({ value, label }))} />
        </Field>
        <Field label={t.headers} help={t.headersHelp}>
          <TextArea value={headers} rows={2} mono />
        </Field>
      </FieldGrid>
    </ActionForm>
  )
}
