import { useSignal } from '@preact/signals'
import { useRef } from 'preact/hooks'
import { localPage } from '../../api/lists.ts'
import { deleteTrace, getTrace, type MessageTrace, type TraceEvent } from '../../api/traces.ts'
import { Button } from '../../components/button.tsx'
import { DataTable, type Column } from '../../components/data-table.tsx'
import { exchangeLabel } from '../../components/links.tsx'
import { Badge, Card, Empty, Page, type Tone } from '../../components/page.tsx'
import { showDone } from '../../components/toasts.tsx'
import { timeOfDayMs } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { texts } from './texts.ts'
import { TraceState, wantedText } from './traces-page.tsx'

/** The events of a trace, as they come. */
export function TracePage({ params }: PageComponentProps) {
  const t = texts.value
  const vhost = params['vhost']!
  const id = params['id']!
  const trace = useSignal<MessageTrace | null>(null)
  const known = useRef<TraceEvent[]>([])
  /** Only what is new is asked for; an answer holds a part of many. */
  const load = async (signal: AbortSignal): Promise<readonly TraceEvent[]> => {
    for (;;) {
      const after = known.current.at(-1)?.n ?? 0
      const answer = await getTrace(vhost, id, after, signal)
      trace.value = answer
      if (answer.events.length === 0 || signal.aborted) return known.current
      known.current = [...known.current.filter(({ n }) => n <= after), ...answer.events]
    }
  }
  const end = async (): Promise<void> => {
    await deleteTrace(vhost, id)
    showDone(t.deleted)
    navigate('#/message-traces')
  }
  return (
    <Page
      title={t.traceOf(id)}
      crumbs={[{ label: t.title, href: '#/message-traces' }]}
      badges={trace.value !== null && <TraceState trace={trace.value} />}
      lead={trace.value === null ? vhost : `${vhost} · ${wantedText(trace.value)}`}
      actions={<Button onClick={end}>{t.delete}</Button>}
    >
      <Card flush>
        <DataTable
          id="trace-events"
          label={t.events}
          columns={columns()}
          rowKey={({ n }) => String(n)}
          load={async (query, signal) => localPage(await load(signal), query, textOf)}
          loadKey={`${vhost} ${id}`}
          inAddress
          empty={<Empty title={t.noEvents} hint={t.noEventsHint} />}
        />
      </Card>
    </Page>
  )
}

/** What the filter looks at. */
const textOf = (event: TraceEvent): string =>
  [event.message, event.event, event.exchange, event.routing_key, whereOf(event), whoOf(event)].join(' ')

const whereOf = ({ queue, queues, exchange }: TraceEvent): string =>
  queue ?? queues?.join(', ') ?? exchangeLabel(exchange)
const whoOf = ({ consumer_tag: tag, user, channel, connection }: TraceEvent): string =>
  [tag, user, channel ?? connection].filter((part) => part !== undefined).join(' · ')

const TONES: Readonly<Record<string, Tone>> = {
  publish: 'info',
  ack: 'ok',
  reject: 'warn',
  requeue: 'warn',
  expire: 'warn',
  'dead-letter': 'danger',
  drop: 'danger',
  return: 'danger',
}

function columns(): readonly Column<TraceEvent>[] {
  const t = texts.value
  const names = t.eventNames as Readonly<Record<string, string>>
  return [
    { id: 'n', header: 'n', sort: 'n', align: 'end', show: 'chosen', cell: ({ n }) => n },
    // Steps of one message follow each other closely.
    { id: 'at', header: t.at, sort: 'at', cell: ({ at }) => <span class="mono">{timeOfDayMs(at)}</span> },
    { id: 'message', header: t.message, sort: 'message', cell: ({ message }) => message },
    {
      id: 'event',
      header: t.event,
      sort: 'event',
      cell: ({ event }) => <Badge tone={TONES[event] ?? 'neutral'}>{names[event] ?? event}</Badge>,
    },
    { id: 'where', header: t.where, cell: whereOf },
    { id: 'key', header: t.key, sort: 'routing_key', show: 'wide', cell: ({ routing_key: key }) => <code>{key}</code> },
    { id: 'who', header: t.who, show: 'wide', cell: whoOf },
    { id: 'detail', header: t.detail, show: 'wide', cell: ({ detail }) => detail },
    { id: 'exchange', header: common.value.exchange, show: 'chosen', cell: ({ exchange }) => exchangeLabel(exchange) },
  ]
}
