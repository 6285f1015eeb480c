import { useRef } from 'preact/hooks'
import { listExchangeBindings } from '../../api/bindings.ts'
import { deleteExchange, exchangeInPath, getExchange, type Exchange } from '../../api/exchanges.ts'
import { BindForm } from '../../components/bindings/bind-form.tsx'
import { BindingTable } from '../../components/bindings/binding-table.tsx'
import { Button, ButtonLink } from '../../components/button.tsx'
import type { TableHandle } from '../../components/data-table.tsx'
import { confirm } from '../../components/dialog.tsx'
import { exchangeLabel } from '../../components/links.tsx'
import { PublishForm } from '../../components/message/publish-form.tsx'
import { Badge, Card, Empty, Facts, FoldedCard, Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { ArgumentList, Features } from '../../components/properties.tsx'
import { RangeChoice, RatesChart } from '../../components/rates-chart.tsx'
import { showDone } from '../../components/toasts.tsx'
import { count } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { navigate, to } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { preferences } from '../../state/preferences.ts'
import { usePoll } from '../../state/poll.ts'
import { texts } from './texts.ts'
import { Name } from '../../components/name.tsx'

/** One exchange: what it routes, its bindings both ways, publishing to it. */
export function ExchangePage({ params }: PageComponentProps) {
  const t = texts.value
  const vhost = params['vhost']!
  const name = params['name'] === 'amq.default' ? '' : params['name']!
  const range = preferences.chartRangeSec.value
  const exchange = usePoll(`${vhost} ${name} ${range}`, (signal) => getExchange(vhost, name, range, signal), {
    keep: true,
  })
  const canDelete = name !== '' && !name.startsWith('amq.')
  return (
    <Page
      title={exchangeLabel(name)}
      crumbs={[{ label: t.title, href: '#/exchanges' }]}
      badges={exchange.data.value && <Badge tone="accent">{exchange.data.value.type}</Badge>}
      lead={<Name of={vhost} />}
      actions={
        <>
          <RangeChoice />
          <ButtonLink href={to`/route?vhost=${vhost}&exchange=${name}`}>{t.explain}</ButtonLink>
          {canDelete && exchange.data.value && (
            <Button kind="danger" onClick={() => remove(vhost, name)}>
              {t.delete}
            </Button>
          )}
        </>
      }
    >
      <Shown of={exchange}>{(data) => <Content exchange={data} />}</Shown>
    </Page>
  )
}

async function remove(vhost: string, name: string): Promise<void> {
  const t = texts.value
  const sure = await confirm({
    title: t.deleteTitle,
    text: t.deleteText,
    confirm: t.delete,
    danger: true,
    typeName: name,
  })
  if (!sure) return
  await deleteExchange(vhost, name, false)
  showDone(t.deleted(name))
  navigate('#/exchanges')
}

function Content({ exchange }: { readonly exchange: Exchange }) {
  const t = texts.value
  const { vhost, name } = exchange
  return (
    <>
      {name === '' && <p class="muted">{t.defaultNote}</p>}
      <div class="columns">
        <Card title={t.rates}>
          <RatesChart of={exchange.message_stats} />
        </Card>
        <About exchange={exchange} />
      </div>
      {name !== '' && <Bindings vhost={vhost} name={name} />}
      {!exchange.internal && (
        <FoldedCard title={t.publish}>
          <PublishForm vhost={vhost} exchange={name} />
        </FoldedCard>
      )}
    </>
  )
}

function About({ exchange }: { readonly exchange: Exchange }) {
  const t = texts.value
  const c = common.value
  const { vhost, policy } = exchange
  const hasArguments = Object.keys(exchange.arguments).length > 0
  const isPlain = exchange.durable && !exchange.auto_delete && !exchange.internal
  return (
    <Card title={t.about}>
      <Facts
        items={[
          [c.vhost, <Name key="vhost" of={vhost} />],
          [c.type, exchange.type],
          [
            c.features,
            isPlain ? (
              t.durable
            ) : (
              <Features
                key="features"
                durable={exchange.durable}
                autoDelete={exchange.auto_delete}
                internal={exchange.internal}
                arguments={{}}
              />
            ),
          ],
          [
            c.policy,
            policy && (
              <a href={to`/policies/${vhost}/${policy}`}>
                <Name of={policy} />
              </a>
            ),
          ],
          [
            t.delayed,
            exchange.messages_delayed === undefined ? null : <DelayedLink key="delayed" exchange={exchange} />,
          ],
          [t.user, exchange.user_who_performed_action],
          [c.arguments, hasArguments ? <ArgumentList of={exchange.arguments} /> : null],
        ]}
      />
    </Card>
  )
}

function DelayedLink({ exchange }: { readonly exchange: Exchange }) {
  const { vhost, name, messages_delayed: waiting } = exchange
  return <a href={to`/exchanges/${vhost}/${exchangeInPath(name)}/messages`}>{texts.value.waiting(count(waiting))}</a>
}

function Bindings({ vhost, name }: { readonly vhost: string; readonly name: string }) {
  const t = texts.value
  const outgoing = useRef<TableHandle>(null)
  const incoming = useRef<TableHandle>(null)
  const key = `${vhost} ${name}`
  return (
    <>
      <Card title={t.to} flush>
        <BindingTable
          id="exchange-to"
          label={t.to}
          shows="destination"
          load={(signal) => listExchangeBindings(vhost, name, 'source', signal)}
          loadKey={key}
          empty={<Empty title={t.noTo} hint={t.noToHint} />}
          handle={(handle) => void (outgoing.current = handle)}
        />
      </Card>
      <FoldedCard title={t.bindTo}>
        <BindForm vhost={vhost} own={{ source: name }} onBound={() => void outgoing.current?.refresh()} />
      </FoldedCard>
      <Card title={t.from} flush>
        <BindingTable
          id="exchange-from"
          label={t.from}
          shows="source"
          load={(signal) => listExchangeBindings(vhost, name, 'destination', signal)}
          loadKey={key}
          empty={<Empty title={t.noFrom} />}
          handle={(handle) => void (incoming.current = handle)}
        />
      </Card>
      <FoldedCard title={t.bindFrom}>
        <BindForm vhost={vhost} own={{ exchange: name }} onBound={() => void incoming.current?.refresh()} />
      </FoldedCard>
    </>
  )
}
