import { useSignal } from '@preact/signals'
import { exportDefinitions } from '../../api/definitions.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Field, FieldGrid } from '../../components/form.tsx'
import { Card, Page } from '../../components/page.tsx'
import { today } from '../../format.ts'
import { ImportCard } from './import-card.tsx'
import { saveFile } from '../../components/save-file.ts'
import { ScopeSelect } from './scope-select.tsx'
import { texts } from './texts.ts'

export function DefinitionsPage() {
  const t = texts.value
  return (
    <Page title={t.title} lead={t.lead}>
      <ExportCard />
      <ImportCard />
    </Page>
  )
}

function ExportCard() {
  const t = texts.value
  const vhost = useSignal<string | null>(null)
  const download = async (): Promise<void> => {
    const name = vhost.value === null ? 'definitions' : `definitions-${vhost.value.replaceAll(/[^\w.-]+/g, '_')}`
    saveFile(await exportDefinitions(vhost.value), `${name}-${today()}.json`)
  }
  return (
    <Card title={t.export} hint={t.exportHint}>
      <ActionForm isSearch label={t.download} onSend={download}>
        <FieldGrid>
          <Field label={t.scope}>
            <ScopeSelect value={vhost} />
          </Field>
        </FieldGrid>
      </ActionForm>
    </Card>
  )
}
