import { useSignal, type Signal } from '@preact/signals'
import { exchangeNames } from '../../api/exchanges.ts'
import { localPage } from '../../api/lists.ts'
import { suggestQueues } from '../../api/queues.ts'
import { listTraces, startTrace, type MessageTrace, type TraceWanted } from '../../api/traces.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { Field, FieldGrid, TextInput } from '../../components/form.tsx'
import { Badge, Card, Empty, Page } from '../../components/page.tsx'
import { DurationInput } from '../../components/quantity-input.tsx'
import { SuggestInput } from '../../components/suggest-input.tsx'
import { useVhostField, VhostField } from '../../components/vhost-field.tsx'
import { count, timeOrDate } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { navigate, to } from '../../router.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

const SECONDS_DEFAULT = 60
const EVENTS_MAX = 10_000

/** The traces of a virtual host, and a form to start one. */
export function TracesPage() {
  const t = texts.value
  const vhost = useVhostField()
  return (
    <Page title={t.title} lead={t.lead}>
      <Card title={t.start} hint={t.startHint}>
        <StartForm vhost={vhost} />
      </Card>
      <Card flush>
        <DataTable
          id="traces"
          label={t.title}
          columns={columns()}
          rowKey={({ id }) => id}
          load={async (query, signal) => localPage(await listTraces(vhost.value, signal), query, wantedText)}
          loadKey={vhost.value}
          empty={<Empty title={t.empty} hint={t.emptyHint} />}
        />
      </Card>
    </Page>
  )
}

function StartForm({ vhost }: { readonly vhost: Signal<string> }) {
  const t = texts.value
  const queue = useSignal('')
  const exchange = useSignal('')
  const key = useSignal('')
  const header = useSignal('')
  const durationMs = useSignal<number | null>(null)
  const given = (name: 'queue' | 'exchange' | 'key' | 'header', { value }: Signal<string>): Partial<TraceWanted> =>
    value === '' ? {} : { [name]: value }
  const send = async (): Promise<void> => {
    const { id } = await startTrace(vhost.value, {
      ...given('queue', queue),
      ...given('exchange', exchange),
      ...given('key', key),
      ...given('header', header),
      seconds: durationMs.value === null ? SECONDS_DEFAULT : Math.max(1, Math.round(durationMs.value / 1000)),
      limit: EVENTS_MAX,
    })
    navigate(to`/message-traces/${vhost.value}/${id}`)
  }
  return (
    <ActionForm label={t.start} onSend={send}>
      <FieldGrid>
        <VhostField value={vhost} />
        <Field label={common.value.queue} optional>
          <SuggestInput
            value={queue}
            suggest={(text, signal) => suggestQueues(vhost.value, text, signal)}
            suggestKey={vhost.value}
          />
        </Field>
        <Field label={common.value.exchange} optional>
          <SuggestInput
            value={exchange}
            suggest={(_, signal) => exchangeNames(vhost.value, signal)}
            suggestKey={vhost.value}
          />
        </Field>
        <Field label={t.key} help={t.keyHelp} optional>
          <TextInput value={key} mono />
        </Field>
        <Field label={t.header} help={t.headerHelp} optional>
          <TextInput value={header} mono />
        </Field>
        <Field label={t.duration} help={t.durationHelp}>
          <DurationInput value={durationMs.value} onChange={(value) => (durationMs.value = value)} />
        </Field>
      </FieldGrid>
    </ActionForm>
  )
}

/** What a trace follows, in a line. */
export function wantedText({ queue, exchange, key, header }: TraceWanted): string {
  const parts = [queue, exchange, key, header].filter((part) => part !== null && part !== undefined)
  return parts.length === 0 ? texts.value.everything : parts.join(' · ')
}

export function TraceState({ trace }: { readonly trace: MessageTrace }) {
  return <Badge tone={trace.state === 'running' ? 'ok' : 'neutral'}>{texts.value.states[trace.state]}</Badge>
}

function columns(): readonly Column<MessageTrace>[] {
  const t = texts.value
  return [
    {
      id: 'wanted',
      header: t.wanted,
      cell: (trace) => <a href={to`/message-traces/${trace.vhost}/${trace.id}`}>{wantedText(trace)}</a>,
    },
    { id: 'state', header: common.value.state, sort: 'state', cell: (trace) => <TraceState trace={trace} /> },
    { id: 'user', header: common.value.user, sort: 'user', show: 'wide', cell: ({ user }) => <Name of={user} /> },
    { id: 'started', header: t.started, sort: 'started_at', cell: ({ started_at: at }) => timeOrDate(at) },
    { id: 'ends', header: t.ends, sort: 'ends_at', show: 'wide', cell: ({ ends_at: at }) => timeOrDate(at) },
    { id: 'events', header: t.events, sort: 'count', align: 'end', cell: (trace) => count(trace.count) },
  ]
}
