import { useSignal, type Signal } from '@preact/signals'
import { publish, type MessageProperties, type PayloadEncoding } from '../../api/messages.ts'
import type { Arguments } from '../../api/types.ts'
import { defineTexts } from '../../i18n/language.ts'
import { TableEditor } from '../arguments/table-editor.tsx'
import { Button } from '../button.tsx'
import { ErrorPanel } from '../error-panel.tsx'
import { Checkbox, Field, FieldGrid, Select, TextArea, TextInput } from '../form.tsx'
import { showDone } from '../toasts.tsx'
import { DurationInput } from '../quantity-input.tsx'
import { PropertyFields, readProperties, usePropertySignals } from './property-fields.tsx'
import './publish-form.css'
import { useDraft } from '../../state/drafts.ts'

const texts = defineTexts(
  {
    key: 'Routing key',
    keyHelp: 'Bindings decide by it which queues get the message.',
    payload: 'Payload',
    encoding: 'Payload is',
    text: 'text (UTF-8)',
    base64: 'Base64',
    persistent: 'Persistent',
    persistentHelp: 'Survives a restart in a durable queue.',
    delay: 'Deliver later',
    delayHelp: 'Sets the header x-delay, which exchanges and queues that delay messages look at. Now when empty.',
    headers: 'Headers',
    properties: 'Properties',
    send: 'Publish',
    sent: 'Published and routed',
    unrouted: 'Published, but not routed: no binding wanted it, and it is gone.',
  },
  {
    key: '路由键',
    keyHelp: '绑定据此决定哪些队列收到消息。',
    payload: '消息体',
    encoding: '消息体格式',
    text: '文本（UTF-8）',
    base64: 'Base64',
    persistent: '持久化',
    persistentHelp: '在持久队列中可在重启后保留。',
    delay: '延后投递',
    delayHelp: '设置 x-delay 头，支持延迟的交换机和队列会据此等待。留空则立即投递。',
    headers: '消息头',
    properties: '属性',
    send: '发布',
    sent: '已发布并路由',
    unrouted: '已发布，但未被路由：没有匹配的绑定，消息已丢弃。',
  },
)

export interface PublishFormProps {
  readonly vhost: string
  /** '' for the default exchange. */
  readonly exchange: string
  /** Given and not to be changed, as on the page of a queue. */
  readonly routingKey?: string
  readonly onPublished?: () => void
}

/** Publishes a message by hand. */
export function PublishForm({ vhost, exchange, routingKey, onPublished }: PublishFormProps) {
  const t = texts.value
  const key = useSignal('')
  const payload = useSignal('')
  const encoding = useSignal<PayloadEncoding>('string')
  const persistent = useSignal(true)
  const delayMs = useSignal<number | null>(null)
  const headers = useSignal<Arguments>({})
  const properties = usePropertySignals()
  const draft = useDraft()
  const outcome = useSignal<{ readonly error: unknown } | 'unrouted' | null>(null)
  const send = async (): Promise<void> => {
    outcome.value = null
    try {
      const routed = await publish(vhost, exchange, {
        routing_key: routingKey ?? key.value,
        payload: payload.value,
        payload_encoding: encoding.value,
        properties: allProperties(readProperties(properties), headers.value, persistent.value, delayMs.value),
      })
      draft.settle()
      if (routed) showDone(t.sent)
      else outcome.value = 'unrouted'
      onPublished?.()
    } catch (error) {
      outcome.value = { error }
    }
  }
  return (
    <form class="stack" onSubmit={(event) => event.preventDefault()} onInput={draft.onInput}>
      <FieldGrid>
        {routingKey === undefined && (
          <Field label={t.key} help={t.keyHelp}>
            <TextInput value={key} mono />
          </Field>
        )}
        <Field label={t.delay} help={t.delayHelp}>
          <DurationInput value={delayMs.value} onChange={(value) => (delayMs.value = value)} />
        </Field>
        <Checkbox value={persistent} label={t.persistent} help={t.persistentHelp} />
      </FieldGrid>
      <Payload payload={payload} encoding={encoding} />
      <details class="publish-more">
        <summary>{t.headers}</summary>
        <TableEditor label={t.headers} values={headers} />
      </details>
      <details class="publish-more">
        <summary>{t.properties}</summary>
        <PropertyFields signals={properties} />
      </details>
      {outcome.value === 'unrouted' && (
        <p class="publish-unrouted" role="alert">
          {t.unrouted}
        </p>
      )}
      {outcome.value !== null && outcome.value !== 'unrouted' && <ErrorPanel error={outcome.value.error} />}
      <div>
        <Button kind="primary" onClick={send}>
          {t.send}
        </Button>
      </div>
    </form>
  )
}

function Payload(props: { readonly payload: Signal<string>; readonly encoding: Signal<PayloadEncoding> }) {
  const t = texts.value
  return (
    <FieldGrid>
      <div class="publish-payload">
        <Field label={t.payload}>
          <TextArea value={props.payload} mono rows={5} />
        </Field>
      </div>
      <Field label={t.encoding}>
        <Select
          value={props.encoding}
          choices={[
            { value: 'string', label: t.text },
            { value: 'base64', label: t.base64 },
          ]}
        />
      </Field>
    </FieldGrid>
  )
}

function allProperties(
  properties: MessageProperties,
  headers: Arguments,
  persistent: boolean,
  delayMs: number | null,
): MessageProperties {
  const all = delayMs === null ? headers : { ...headers, 'x-delay': delayMs }
  return { ...properties, delivery_mode: persistent ? 2 : 1, ...(Object.keys(all).length > 0 && { headers: all }) }
}
