import type { VNode } from 'preact'
import { getQueue, type QueueDetails } from '../../api/queues.ts'
import { Button } from '../../components/button.tsx'
import { Badge, Page, Tabs } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { RangeChoice } from '../../components/rates-chart.tsx'
import { StateBadge } from '../../components/state-badge.tsx'
import { navigate, path, to } from '../../router.ts'
import { preferences } from '../../state/preferences.ts'
import { usePoll, type Polled } from '../../state/poll.ts'
import { actionTexts } from './action-texts.ts'
import { askAndDelete, askAndPause, askAndPurge, resume } from './actions.ts'
import { shownState } from './queue-columns.tsx'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

export interface QueueFrameProps {
  readonly vhost: string
  readonly name: string
  /** With a choice of how much time charts show. */
  readonly hasCharts?: boolean
  readonly children: (queue: QueueDetails, polled: Polled<QueueDetails>) => VNode
}

/** What all pages of one queue have in common: its name and state, what can be done with it, the tabs. */
export function QueueFrame({ vhost, name, hasCharts = false, children }: QueueFrameProps) {
  const t = texts.value
  const range = preferences.chartRangeSec.value
  const queue = usePoll(`${vhost} ${name} ${range}`, (signal) => getQueue(vhost, name, range, signal), { keep: true })
  const data = queue.data.value
  return (
    <Page
      title={name}
      crumbs={[{ label: t.title, href: '#/queues' }]}
      badges={
        data && (
          <>
            {data.type !== undefined && <Badge tone="accent">{data.type}</Badge>}
            <StateBadge state={shownState(data)} />
          </>
        )
      }
      lead={<Name of={vhost} />}
      actions={
        <>
          {hasCharts && <RangeChoice />}
          {data && <Actions queue={data} refresh={queue.refresh} />}
        </>
      }
    >
      <Tabs label={t.tabs} tabs={tabs(vhost, name)} />
      <Shown of={queue}>{(details) => children(details, queue)}</Shown>
    </Page>
  )
}

function Actions({ queue, refresh }: { readonly queue: QueueDetails; readonly refresh: () => Promise<void> }) {
  const t = actionTexts.value
  const then = (act: (queue: QueueDetails) => Promise<void>) => async (): Promise<void> => {
    await act(queue)
    await refresh()
  }
  const remove = async (): Promise<void> => {
    if (await askAndDelete(queue)) navigate('#/queues')
  }
  return (
    <>
      <Button onClick={then(queue.paused === true ? resume : askAndPause)}>
        {queue.paused === true ? t.resume : t.pause}
      </Button>
      <Button onClick={then(askAndPurge)}>{t.purge}</Button>
      <Button kind="danger" onClick={remove}>
        {t.delete}
      </Button>
    </>
  )
}

function tabs(vhost: string, name: string) {
  const t = texts.value
  const all = [
    { label: t.overview, href: to`/queues/${vhost}/${name}` },
    { label: t.messages, href: to`/queues/${vhost}/${name}/messages` },
    { label: t.publish, href: to`/queues/${vhost}/${name}/publish` },
    { label: t.change, href: to`/queues/${vhost}/${name}/change` },
    { label: t.manage, href: to`/queues/${vhost}/${name}/manage` },
  ]
  return all.map((tab) => ({ ...tab, current: tab.href === `#${path.value}` }))
}
