import { deleteVhost, getVhost, putVhost, setProtection, setTracing, type Vhost } from '../../api/vhosts.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { Button } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { FieldGrid } from '../../components/form.tsx'
import { LimitsCard } from '../../components/limits-card.tsx'
import { Badge, Card, Facts, FoldedCard, Page } from '../../components/page.tsx'
import { PermissionCard } from '../../components/permissions/permission-card.tsx'
import { TopicPermissionCard } from '../../components/permissions/topic-permission-card.tsx'
import { Shown } from '../../components/polled.tsx'
import { LengthsChart, RangeChoice, RatesChart } from '../../components/rates-chart.tsx'
import { showDone } from '../../components/toasts.tsx'
import { common } from '../../i18n/common.ts'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { refreshAll, usePoll } from '../../state/poll.ts'
import { preferences } from '../../state/preferences.ts'
import { MetadataFields, useMetadataForm } from './metadata-fields.tsx'
import { texts } from './texts.ts'

export function VhostPage({ params }: PageComponentProps) {
  const t = texts.value
  const name = params['name']!
  const range = preferences.chartRangeSec.value
  const vhost = usePoll(`${name} ${range}`, (signal) => getVhost(name, range, signal), { keep: true })
  const data = vhost.data.value
  return (
    <Page
      title={name}
      crumbs={[{ label: t.title, href: '#/vhosts' }]}
      badges={data?.tracing === true && <Badge tone="warn">{t.tracing}</Badge>}
      {...(data?.description && { lead: data.description })}
      actions={
        <>
          <RangeChoice />
          {data && <Actions vhost={data} refresh={vhost.refresh} />}
        </>
      }
    >
      <Shown of={vhost}>{(found) => <Content vhost={found} refresh={vhost.refresh} />}</Shown>
    </Page>
  )
}

interface VhostProps {
  readonly vhost: Vhost
  readonly refresh: () => Promise<void>
}

function Actions({ vhost, refresh }: VhostProps) {
  const t = texts.value
  const { name, tracing } = vhost
  const isProtected = vhost.protected_from_deletion === true
  const protect = async (): Promise<void> => {
    await setProtection(name, !isProtected)
    showDone(isProtected ? t.unprotectedNow : t.protectedNow)
    await refresh()
  }
  const trace = async (): Promise<void> => {
    const question = { title: t.startTracing, text: t.tracingHint, confirm: t.startTracing }
    if (!tracing && !(await confirm(question))) return
    await setTracing(vhost, !tracing)
    showDone(tracing ? t.tracingStopped : t.tracingStarted)
    await refresh()
  }
  const remove = async (): Promise<void> => {
    const question = { title: t.deleteTitle(name), text: t.deleteText, confirm: t.delete, danger: true, typeName: name }
    if (!(await confirm(question))) return
    await deleteVhost(name)
    if (preferences.vhost.peek() === name) preferences.vhost.value = null
    showDone(t.deleted(name))
    refreshAll() // the choice of virtual hosts in the bar
    navigate('#/vhosts')
  }
  return (
    <>
      <Button onClick={trace}>{tracing ? t.stopTracing : t.startTracing}</Button>
      <Button onClick={protect}>{isProtected ? t.unprotect : t.protect}</Button>
      <Button kind="danger" disabled={isProtected} onClick={remove}>
        {t.delete}
      </Button>
    </>
  )
}

function Content({ vhost, refresh }: VhostProps) {
  const t = texts.value
  const { name } = vhost
  const type = vhost.default_queue_type ?? 'undefined'
  return (
    <>
      <div class="columns">
        <Card title={t.queued}>
          <LengthsChart of={vhost} />
        </Card>
        <Card title={t.rates}>
          <RatesChart of={vhost.message_stats} />
        </Card>
      </div>
      <Card title={t.about}>
        <Facts
          items={[
            [t.tags, vhost.tags?.join(', ')],
            [t.defaultType, type === 'undefined' ? t.nodeDefault : type],
            [t.tracing, vhost.tracing ? common.value.yes : common.value.no],
            [t.protected, vhost.protected_from_deletion === true ? common.value.yes : common.value.no],
          ]}
        />
      </Card>
      <PermissionCard scope={{ vhost: name }} />
      <TopicPermissionCard scope={{ vhost: name }} />
      <LimitsCard scope={{ vhost: name }} />
      <FoldedCard title={t.change}>
        <Change vhost={vhost} refresh={refresh} />
      </FoldedCard>
    </>
  )
}

function Change({ vhost, refresh }: VhostProps) {
  const t = texts.value
  const { description = '', tags = [], default_queue_type: type = '' } = vhost
  const form = useMetadataForm({ description, tags, default_queue_type: type })
  const send = async (): Promise<void> => {
    await putVhost(vhost.name, form.chosen())
    showDone(t.changed)
    await refresh()
  }
  return (
    <ActionForm label={t.save} onSend={send}>
      <FieldGrid>
        <MetadataFields form={form} />
      </FieldGrid>
    </ActionForm>
  )
}
