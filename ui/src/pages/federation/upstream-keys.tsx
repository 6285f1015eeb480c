import type { Signal } from '@preact/signals'
import type { Arguments } from '../../api/types.ts'
import { ArgumentFields } from '../../components/arguments/argument-fields.tsx'
import { TableEditor } from '../../components/arguments/table-editor.tsx'
import { texts } from './texts.ts'
import { upstreamFields } from './upstream-fields.ts'

interface UpstreamKeysProps {
  readonly known: Signal<Arguments>
  readonly further: Signal<Arguments>
}

/** What an upstream is told besides its address, on its own or as a member of a set: fields for what is known, a table for the rest. */
export function UpstreamKeys({ known, further }: UpstreamKeysProps) {
  const t = texts.value
  return (
    <>
      <ArgumentFields groups={upstreamFields()} values={known} />
      <div class="field">
        <span>{t.further}</span>
        <TableEditor label={t.further} values={further} />
        <p class="muted small">{t.furtherHelp}</p>
      </div>
    </>
  )
}
