import { useRef } from 'preact/hooks'
import { localPage } from '../../api/lists.ts'
import {
  deleteTraceFile,
  type FileTrace,
  getTraceFile,
  listFileTraces,
  listTraceFiles,
  stopFileTrace,
  type TraceFile,
} from '../../api/trace-files.ts'
import { Button } from '../../components/button.tsx'
import { DataTable, type Column, type TableHandle } from '../../components/data-table.tsx'
import { confirm } from '../../components/dialog.tsx'
import { Card, Empty, Page } from '../../components/page.tsx'
import { saveFile } from '../../components/save-file.ts'
import { showDone } from '../../components/toasts.tsx'
import { bytes } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { preferences } from '../../state/preferences.ts'
import { StartForm } from './start-form.tsx'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

type Refresh = () => Promise<void>

/** Traces that are written to files, and their files. */
export function TraceFilesPage() {
  const t = texts.value
  const vhost = preferences.vhost.value
  const traces = useRef<TableHandle | null>(null)
  const files = useRef<TableHandle | null>(null)
  const refresh = async (): Promise<void> => {
    await Promise.all([traces.current?.refresh(), files.current?.refresh()])
  }
  return (
    <Page title={t.title} lead={t.lead}>
      <Card title={t.running} flush>
        <DataTable
          id="file-traces"
          label={t.running}
          columns={traceColumns(refresh)}
          rowKey={({ name }) => name}
          load={async (query, signal) => localPage(await listFileTraces(vhost, signal), query, ({ name }) => name)}
          loadKey={vhost ?? '*'}
          handle={(handle) => (traces.current = handle)}
          empty={<Empty title={t.none} hint={t.noneHint} />}
        />
      </Card>
      <Card title={t.start} hint={t.startHint}>
        <StartForm onStarted={refresh} />
      </Card>
      <Card title={t.files} flush>
        <DataTable
          id="trace-files"
          label={t.files}
          columns={fileColumns(refresh)}
          rowKey={({ name }) => name}
          load={async (query, signal) => localPage(await listTraceFiles(signal), query, ({ name }) => name)}
          handle={(handle) => (files.current = handle)}
          empty={<Empty title={t.noFiles} hint={t.noFilesHint} />}
        />
      </Card>
    </Page>
  )
}

function traceColumns(refresh: Refresh): readonly Column<FileTrace>[] {
  const t = texts.value
  const stop = async ({ vhost, name }: FileTrace): Promise<void> => {
    await stopFileTrace(vhost, name)
    showDone(t.stopped(name))
    await refresh()
  }
  return [
    { id: 'name', header: common.value.name, sort: 'name', cell: ({ name }) => <Name of={name} /> },
    { id: 'vhost', header: common.value.vhost, sort: 'vhost', show: 'wide', cell: ({ vhost }) => <Name of={vhost} /> },
    { id: 'pattern', header: t.pattern, sort: 'pattern', cell: ({ pattern }) => <code>{pattern}</code> },
    { id: 'format', header: t.format, sort: 'format', show: 'wide', cell: ({ format }) => t.formats[format] },
    {
      id: 'payload',
      header: t.payload,
      align: 'end',
      show: 'wide',
      cell: ({ max_payload_bytes: most }) => (most === undefined ? t.wholePayload : bytes(most)),
    },
    {
      id: 'actions',
      header: common.value.actions,
      align: 'end',
      cell: (trace) => (
        <Button size="small" label={t.stopOf(trace.name)} onClick={() => stop(trace)}>
          {t.stop}
        </Button>
      ),
    },
  ]
}

function fileColumns(refresh: Refresh): readonly Column<TraceFile>[] {
  const t = texts.value
  const remove = async (name: string): Promise<void> => {
    const question = { title: t.deleteOf(name), text: t.deleteText(name), confirm: common.value.delete, danger: true }
    if (!(await confirm(question))) return
    await deleteTraceFile(name)
    showDone(t.deleted(name))
    await refresh()
  }
  return [
    { id: 'name', header: common.value.name, sort: 'name', cell: ({ name }) => <Name of={name} /> },
    { id: 'size', header: t.size, sort: 'size', align: 'end', cell: ({ size }) => bytes(size) },
    {
      id: 'actions',
      header: common.value.actions,
      align: 'end',
      cell: ({ name }) => (
        <span class="row">
          <Button
            size="small"
            label={t.downloadOf(name)}
            onClick={async () => saveFile(await getTraceFile(name), name)}
          >
            {t.download}
          </Button>
          <Button kind="danger" size="small" label={t.deleteOf(name)} onClick={() => remove(name)}>
            {common.value.delete}
          </Button>
        </span>
      ),
    },
  ]
}
