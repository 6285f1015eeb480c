import { useSignal } from '@preact/signals'
import { importDefinitions } from '../../api/definitions.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Field, FieldGrid, useFieldProps } from '../../components/form.tsx'
import { trackJob } from '../../components/jobs.tsx'
import { Card, Facts } from '../../components/page.tsx'
import { showDone } from '../../components/toasts.tsx'
import { count } from '../../format.ts'
import { refreshAll } from '../../state/poll.ts'
import { ScopeSelect } from './scope-select.tsx'
import { texts } from './texts.ts'
import './import-card.css'

/** A file that was chosen, and how many of what it holds. */
interface ChosenFile {
  readonly json: string
  readonly madeBy: string | null
  readonly counts: readonly (readonly [Kind, number])[]
}

type Kind = keyof typeof texts.value.kinds
type Fault = 'notJson' | 'notDefinitions'

export function ImportCard() {
  const t = texts.value
  const vhost = useSignal<string | null>(null)
  const file = useSignal<ChosenFile | Fault | null>(null)
  const chosen = typeof file.value === 'object' ? file.value : null
  const read = async (picked: File | null): Promise<void> => {
    file.value = null // until it is read: what was chosen before must not be sent
    if (picked !== null) file.value = readDefinitions(await picked.text())
  }
  const send = async (): Promise<void> => {
    const started = await importDefinitions(vhost.value, chosen!.json)
    const job = started === undefined ? undefined : await trackJob(started)
    // What went wrong stays on the screen with the job.
    if (job?.state === 'failed') return
    showDone(job?.state === 'cancelled' ? t.stopped : t.done)
    refreshAll()
  }
  return (
    <Card title={t.import} hint={t.importHint}>
      <ActionForm label={t.send} disabled={chosen === null} onSend={send}>
        <FieldGrid>
          <Field label={t.file} help={t.fileHelp} error={typeof file.value === 'string' ? t[file.value] : null}>
            <FileInput onChosen={read} />
          </Field>
          <Field label={t.into} help={t.intoHelp}>
            <ScopeSelect value={vhost} />
          </Field>
        </FieldGrid>
        {chosen !== null && <Contents file={chosen} />}
      </ActionForm>
    </Card>
  )
}

/** The browser's own field of this kind speaks the browser's language, so it lies invisible on one that speaks ours. */
function FileInput({ onChosen }: { readonly onChosen: (file: File | null) => Promise<void> }) {
  const t = texts.value
  const name = useSignal<string | null>(null)
  return (
    <span class="file-input">
      <input
        {...useFieldProps()}
        type="file"
        accept=".json,application/json"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0] ?? null
          name.value = file?.name ?? null
          void onChosen(file)
        }}
      />
      <span class="input" aria-hidden="true">
        <span class="file-input-button">{t.chooseFile}</span> {name.value ?? t.noFile}
      </span>
    </span>
  )
}

function Contents({ file }: { readonly file: ChosenFile }) {
  const t = texts.value
  return (
    <section class="stack" aria-label={t.contains}>
      <h3>{t.contains}</h3>
      <Facts items={[[t.from, file.madeBy], ...file.counts.map(([kind, n]) => [t.kinds[kind], count(n)] as const)]} />
    </section>
  )
}

function readDefinitions(json: string): ChosenFile | Fault {
  let content: unknown
  try {
    content = JSON.parse(json)
  } catch {
    return 'notJson'
  }
  if (typeof content !== 'object' || content === null) return 'notDefinitions'
  const parts = content as Readonly<Record<string, unknown>>
  const counts = (Object.keys(texts.peek().kinds) as Kind[])
    .map((kind) => [kind, parts[kind]] as const)
    .filter((pair): pair is [Kind, unknown[]] => Array.isArray(pair[1]))
    .map(([kind, rows]) => [kind, rows.length] as const)
  if (counts.length === 0) return 'notDefinitions'
  const maker = parts['product_name'] ?? 'RabbitMQ'
  const version = parts['product_version'] ?? parts['rabbitmq_version'] ?? parts['rabbit_version']
  return { json, madeBy: typeof version === 'string' ? `${String(maker)} ${version}` : null, counts }
}
