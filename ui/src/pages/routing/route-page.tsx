import { useSignal } from '@preact/signals'
import { exchangeNames } from '../../api/exchanges.ts'
import { explainRoute, type RouteExplanation, type RouteStep } from '../../api/routing.ts'
import type { Arguments } from '../../api/types.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { TableEditor } from '../../components/arguments/table-editor.tsx'
import { Field, FieldGrid, TextInput } from '../../components/form.tsx'
import { ExchangeLink, exchangeLabel, QueueLink } from '../../components/links.tsx'
import { Badge, Card, Page } from '../../components/page.tsx'
import { ArgumentList } from '../../components/properties.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { SuggestInput } from '../../components/suggest-input.tsx'
import { useVhostField, VhostField } from '../../components/vhost-field.tsx'
import { count } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { query } from '../../router.ts'
import { texts } from './texts.ts'

interface Explained extends RouteExplanation {
  readonly vhost: string
}

/** Where a message would go, and why. The address may say what to begin with: `?vhost=…&exchange=…`. */
export function RoutePage() {
  const t = texts.value
  const given = query.peek()
  const chosen = useVhostField()
  const vhost = useSignal(given.get('vhost') ?? chosen.peek())
  const exchange = useSignal(given.get('exchange') ?? '')
  const key = useSignal('')
  const headers = useSignal<Arguments>({})
  const explained = useSignal<Explained | null>(null)
  const explain = async (): Promise<void> => {
    explained.value = null
    const message = { routing_key: key.value, properties: { headers: headers.value } }
    explained.value = { ...(await explainRoute(vhost.value, exchange.value, message)), vhost: vhost.value }
  }
  return (
    <Page title={t.title} lead={t.lead}>
      <Card>
        <ActionForm isSearch label={t.explain} onSend={explain}>
          <FieldGrid>
            <VhostField value={vhost} />
            <Field label={common.value.exchange} help={t.exchangeHelp}>
              <SuggestInput
                value={exchange}
                suggest={(_, signal) => exchangeNames(vhost.value, signal)}
                suggestKey={vhost.value}
              />
            </Field>
            <Field label={t.key}>
              <TextInput value={key} mono />
            </Field>
          </FieldGrid>
          <div class="field">
            <span>{t.headers}</span>
            <TableEditor label={t.headers} values={headers} />
            <p class="muted small">{t.headersHelp}</p>
          </div>
        </ActionForm>
      </Card>
      {explained.value !== null && <Result explained={explained.value} />}
    </Page>
  )
}

function Result({ explained }: { readonly explained: Explained }) {
  const t = texts.value
  const { vhost, queues, steps } = explained
  return (
    <>
      <Card title={t.result}>
        <div role="status" class="stack">
          <p>{queues.length === 0 ? t.unrouted : t.routed(count(queues.length))}</p>
          {queues.length > 0 && (
            <p class="row">
              {queues.map((name) => (
                <QueueLink key={name} vhost={vhost} name={name} />
              ))}
            </p>
          )}
        </div>
      </Card>
      {steps.map((step, i) => (
        <Step key={i} vhost={vhost} step={step} />
      ))}
    </>
  )
}

function Step({ vhost, step }: { readonly vhost: string; readonly step: RouteStep }) {
  const t = texts.value
  const { exchange, type, bindings, bindings_total: total } = step
  const via = step.via === null ? null : ((t.via as Readonly<Record<string, string>>)[step.via] ?? step.via)
  const rows = bindings.map((binding) => [
    binding.matched ? <Badge tone="ok">{t.matched}</Badge> : <Badge>{t.unmatched}</Badge>,
    binding.destination_type === 'queue' ? (
      <QueueLink vhost={vhost} name={binding.destination} />
    ) : (
      <ExchangeLink vhost={vhost} name={binding.destination} />
    ),
    <code key="key">{binding.routing_key}</code>,
    <ArgumentList key="arguments" of={binding.arguments} />,
  ])
  return (
    <Card title={exchangeLabel(exchange)}>
      <div class="row">
        <Badge tone="accent">{type}</Badge>
        {via !== null && <Badge tone="info">{via}</Badge>}
        <span class="muted">{t.withKey(step.routing_key)}</span>
        <ExchangeLink vhost={vhost} name={exchange} />
      </div>
      {step.note !== null && <p class="muted">{step.note}</p>}
      {rows.length === 0 ? (
        <p class="muted">{t.noBindings}</p>
      ) : (
        <SimpleTable
          label={t.bindings(exchangeLabel(exchange))}
          headers={[t.fits, t.destination, t.key, common.value.arguments]}
          rows={rows}
        />
      )}
      {total > rows.length && <p class="small muted">{t.shown(count(rows.length), count(total))}</p>}
    </Card>
  )
}
