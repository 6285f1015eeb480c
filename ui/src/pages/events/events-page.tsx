import { useComputed, useSignal, type Signal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { streamEvents, type BrokerEvent } from '../../api/events.ts'
import { Button } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Select } from '../../components/form.tsx'
import { Badge, Card, Empty, Page, type Tone } from '../../components/page.tsx'
import { ArgumentList } from '../../components/properties.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { timeOrDate } from '../../format.ts'
import { texts } from './texts.ts'

/** The oldest go when there are more. */
const MOST_EVENTS = 500
const KINDS = [
  'alarm',
  'binding',
  'channel',
  'connection',
  'consumer',
  'exchange',
  'parameter',
  'permission',
  'policy',
  'queue',
  'user',
  'vhost',
]

interface Entry extends BrokerEvent {
  readonly id: number
}

/** What happens in the broker, as it happens. */
export function EventsPage() {
  const t = texts.value
  const events = useSignal<readonly Entry[]>([])
  const running = useSignal(true)
  const failure = useSignal<unknown>(null)
  const kind = useSignal('')
  useStream(events, running, failure)
  const shown = useComputed(() =>
    kind.value === '' ? events.value : events.value.filter(({ name }) => name.startsWith(`${kind.value}.`)),
  )
  return (
    <Page
      title={t.title}
      lead={t.lead}
      actions={
        <>
          <Select
            value={kind}
            label={t.kind}
            choices={[{ value: '', label: t.allKinds }, ...KINDS.map((value) => ({ value, label: value }))]}
          />
          <Button onClick={() => void (running.value = !running.value)}>{running.value ? t.stop : t.goOn}</Button>
          <Button onClick={() => void (events.value = [])}>{t.clear}</Button>
        </>
      }
    >
      {failure.value !== null && (
        <ErrorPanel
          error={failure.value}
          onRetry={() => {
            failure.value = null
            running.value = true
          }}
        />
      )}
      <Card flush>
        {shown.value.length === 0 ? (
          <Empty title={t.waiting} hint={t.waitingHint} />
        ) : (
          <SimpleTable
            label={t.title}
            headers={[t.time, t.event, t.about, t.by, t.details]}
            rows={shown.value.map(row)}
            keys={shown.value.map(({ id }) => id)}
          />
        )}
      </Card>
    </Page>
  )
}

/** Listens while it is wanted and the page can be seen: browsers have few connections for each broker. */
function useStream(events: Signal<readonly Entry[]>, running: Signal<boolean>, failure: Signal<unknown>): void {
  useEffect(() => {
    if (!running.value) return
    let abort = new AbortController()
    let lastId = events.peek()[0]?.id ?? 0
    const listen = async (): Promise<void> => {
      abort = new AbortController()
      const { signal } = abort
      try {
        for await (const event of streamEvents(signal)) {
          events.value = [{ ...event, id: ++lastId }, ...events.peek().slice(0, MOST_EVENTS - 1)]
        }
        running.value = false
      } catch (error) {
        if (signal.aborted) return
        failure.value = error
        running.value = false
      }
    }
    const follow = (): void => {
      if (document.hidden) abort.abort()
      else void listen()
    }
    follow()
    document.addEventListener('visibilitychange', follow)
    return () => {
      document.removeEventListener('visibilitychange', follow)
      abort.abort()
    }
  }, [running.value])
}

const TONES: Readonly<Record<string, Tone>> = {
  created: 'ok',
  set: 'info',
  changed: 'info',
  deleted: 'warn',
  closed: 'neutral',
  cleared: 'neutral',
  failure: 'danger',
}

/** What is told in a column of its own, or says nothing to people. */
const APART = new Set(['name', 'vhost', 'user_who_performed_action', 'timestamp_in_ms', 'pid', 'node'])

function row({ name, facts }: Entry) {
  const text = (key: string): string => (typeof facts[key] === 'string' ? facts[key] : '')
  const verb = name.slice(name.lastIndexOf('.') + 1)
  const tone = name === 'alarm.set' ? 'danger' : (TONES[verb] ?? 'neutral')
  const rest = Object.fromEntries(Object.entries(facts).filter(([key, value]) => !APART.has(key) && isTelling(value)))
  return [
    <span class="nowrap">
      {typeof facts['timestamp_in_ms'] === 'number' ? timeOrDate(facts['timestamp_in_ms']) : ''}
    </span>,
    <Badge tone={tone}>{name}</Badge>,
    <>
      <div>{text('name')}</div>
      <div class="small muted">{text('vhost')}</div>
    </>,
    text('user_who_performed_action'),
    <details>
      <summary class="small">{texts.value.details}</summary>
      <ArgumentList of={rest} />
    </details>,
  ]
}

const isTelling = (value: unknown): boolean =>
  value !== null && value !== '' && !(typeof value === 'object' && Object.keys(value).length === 0)
