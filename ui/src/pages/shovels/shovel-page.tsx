import { ApiError } from '../../api/http.ts'
import { getParameter } from '../../api/parameters.ts'
import { getShovel, type ShovelStatus } from '../../api/shovels.ts'
import { Button } from '../../components/button.tsx'
import { Card, Facts, Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { showDone } from '../../components/toasts.tsx'
import { count } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { usePoll, type Polled } from '../../state/poll.ts'
import { may } from '../../state/session.ts'
import { endText, statusEnd } from './end-text.ts'
import { ShovelForm } from './shovel-form.tsx'
import { addressOf, askToDelete, remainingText, restart } from './shovels-page.tsx'
import { texts } from './texts.ts'

export function AddShovelPage() {
  const t = texts.value
  return (
    <Page title={t.add} crumbs={[{ label: t.title, href: '#/shovels' }]}>
      <ShovelForm
        shovel={null}
        onSaved={(vhost, name) => {
          showDone(t.saved(name))
          navigate(addressOf(vhost, name))
        }}
      />
    </Page>
  )
}

/** One shovel: how it does, and its definition. */
export function ShovelPage({ params }: PageComponentProps) {
  const t = texts.value
  const vhost = params['vhost']!
  const name = params['name']!
  const id = { component: 'shovel', vhost, name }
  // Once: what somebody is writing must not be written over.
  const shovel = usePoll(`${vhost} ${name}`, (signal) => getParameter(id, signal), { once: true })
  const status = usePoll(`${vhost} ${name} ${may.monitor.value}`, (signal) => statusOf(vhost, name, signal))
  const remove = async (): Promise<void> => {
    if (await askToDelete(vhost, name)) navigate('#/shovels')
  }
  return (
    <Page
      title={name}
      crumbs={[{ label: t.title, href: '#/shovels' }]}
      badges={<StateBadge state={status.data.value?.state} />}
      lead={vhost}
      actions={
        <>
          {may.monitor.value && <Button onClick={() => restart(vhost, name).then(status.refresh)}>{t.restart}</Button>}
          <Button kind="danger" onClick={remove}>
            {t.delete}
          </Button>
        </>
      }
    >
      {may.monitor.value && <StatusCard status={status} />}
      <Shown of={shovel}>
        {(data) => (
          <ShovelForm
            shovel={data}
            onSaved={async () => {
              showDone(t.saved(name))
              await status.refresh()
            }}
          />
        )}
      </Shown>
    </Page>
  )
}

/** Null where it has none: it may have ended, and be gone in a moment. */
async function statusOf(vhost: string, name: string, signal: AbortSignal): Promise<ShovelStatus | null> {
  if (!may.monitor.peek()) return null
  try {
    return await getShovel(vhost, name, signal)
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null
    throw error
  }
}

function StatusCard({ status }: { readonly status: Polled<ShovelStatus | null> }) {
  const t = texts.value
  return (
    <Card title={t.status}>
      <Shown of={status}>{(data) => (data === null ? <p class="muted">{t.unknown}</p> : <Status of={data} />)}</Shown>
    </Card>
  )
}

function Status({ of: status }: { readonly of: ShovelStatus }) {
  const t = texts.value
  const { state, reason, timestamp, src_uri: from, dest_uri: end, blocked_status: flow } = status
  return (
    <Facts
      items={[
        [common.value.state, <StateBadge key="state" state={state} />],
        [t.reason, reason],
        [t.source, from && `${endText(statusEnd(status, 'src'))} · ${from}`],
        [t.destination, end && `${endText(statusEnd(status, 'dest'))} · ${end}`],
        [t.flow, flow && t.flows[flow]],
        [t.forwarded, status.forwarded === undefined ? null : count(status.forwarded)],
        [t.pending, status.pending === undefined ? null : count(status.pending)],
        [t.remaining, status.remaining === undefined ? null : remainingText(status.remaining)],
        [t.since, timestamp],
      ]}
    />
  )
}
