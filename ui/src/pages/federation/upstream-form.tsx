import { useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { putParameter, type Parameter } from '../../api/parameters.ts'
import type { Arguments } from '../../api/types.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { splitKnown } from '../../components/arguments/split-known.ts'
import { FieldGrid } from '../../components/form.tsx'
import { NameFields } from '../../components/name-fields.tsx'
import { Card } from '../../components/page.tsx'
import { UriList } from '../../components/uris/uri-list.tsx'
import { areSound, rowsOf, urisOf } from '../../components/uris/uri-rows.ts'
import { useVhostField } from '../../components/vhost-field.tsx'
import { UPSTREAM } from './frame.tsx'
import { texts } from './texts.ts'
import { upstreamFields } from './upstream-fields.ts'
import { UpstreamKeys } from './upstream-keys.tsx'

export interface FederationFormProps {
  /** One that there is; null for a new one. */
  readonly parameter: Parameter | null
  readonly onSaved: (vhost: string, name: string) => void
}

/** An upstream while it is written. */
export function UpstreamForm({ parameter, onSaved }: FederationFormProps) {
  const t = texts.value
  const newVhost = useVhostField()
  const vhost = useSignal(parameter?.vhost ?? newVhost.peek())
  const name = useSignal(parameter?.name ?? '')
  const { uri, ...others } = (parameter?.value ?? {}) as Arguments
  const initial = useMemo(() => ({ rows: rowsOf(uri), ...splitKnown(others, upstreamFields()) }), [])
  const rows = useSignal(initial.rows)
  const known = useSignal(initial.known)
  const further = useSignal(initial.further)
  const send = async (): Promise<void> => {
    const id = { component: UPSTREAM.component, vhost: vhost.value, name: name.value }
    await putParameter({ ...id, value: { uri: urisOf(rows.value), ...known.value, ...further.value } })
    onSaved(id.vhost, id.name)
  }
  const isReady = name.value !== '' && urisOf(rows.value) !== undefined && areSound(rows.value)
  const cancel = parameter === null ? { cancel: UPSTREAM.address } : {}
  return (
    <Card>
      <ActionForm label={t.save} disabled={!isReady} onSend={send} {...cancel}>
        {parameter === null && (
          <FieldGrid>
            <NameFields vhost={vhost} name={name} help={t.nameHelp} />
          </FieldGrid>
        )}
        <UriList label={t.address} rows={rows} severalHelp={t.several} />
        <UpstreamKeys known={known} further={further} />
      </ActionForm>
    </Card>
  )
}
