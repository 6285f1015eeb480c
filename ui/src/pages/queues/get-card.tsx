import { useSignal } from '@preact/signals'
import { getMessages, type AckMode, type GetOptions, type GotMessage } from '../../api/messages.ts'
import { Button } from '../../components/button.tsx'
import { ErrorPanel } from '../../components/error-panel.tsx'
import { Field, FieldGrid, NumberInput, Select } from '../../components/form.tsx'
import { exchangeLabel } from '../../components/links.tsx'
import { PayloadView, PropertyList } from '../../components/message/message-view.tsx'
import { Badge, Card, Empty, Facts } from '../../components/page.tsx'
import { count } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { defineTexts } from '../../i18n/language.ts'
import { to } from '../../router.ts'
import './get-card.css'

const texts = defineTexts(
  {
    title: 'Get messages',
    hint: 'Takes messages from the head of the queue, as a consumer does. To look without touching anything, use the tab',
    messages: 'Messages',
    mode: 'And then',
    modes: {
      ack_requeue_true: 'put them back (nack)',
      reject_requeue_true: 'put them back (reject)',
      ack_requeue_false: 'take them out (ack)',
      reject_requeue_false: 'reject them: dead letters',
    },
    back: 'They are marked as redelivered, and count as delivered once more.',
    gone: 'They are gone from the queue afterwards.',
    count: 'How many',
    encoding: 'Bodies as',
    encodings: { auto: 'text where they are text', base64: 'Base64' },
    get: 'Get',
    none: 'The queue has no message that is ready',
    number: (n: string) => `Message ${n}`,
    key: 'Routing key',
    redelivered: 'redelivered',
    left: (n: string) => `${n} behind it`,
  },
  {
    title: '拉取消息',
    hint: '像消费者一样从队列头部取出消息。若只想查看而不改动，请使用标签页',
    messages: '消息',
    mode: '之后',
    modes: {
      ack_requeue_true: '放回队列（nack）',
      reject_requeue_true: '放回队列（reject）',
      ack_requeue_false: '取出（ack）',
      reject_requeue_false: '拒绝：成为死信',
    },
    back: '消息会被标记为重新投递，并多计一次投递。',
    gone: '之后消息不再位于队列中。',
    count: '数量',
    encoding: '消息体显示为',
    encodings: { auto: '文本（若为文本）', base64: 'Base64' },
    get: '拉取',
    none: '队列中没有就绪消息',
    number: (n) => `消息 ${n}`,
    key: '路由键',
    redelivered: '重新投递',
    left: (n) => `其后还有 ${n} 条`,
  },
)

const MOST_MESSAGES = 500
const SHOWN_BYTES = 50_000

export interface GetCardProps {
  readonly vhost: string
  readonly name: string
  readonly onGot: () => void
}

/** Gets messages, and shows them. */
export function GetCard({ vhost, name, onGot }: GetCardProps) {
  const t = texts.value
  const mode = useSignal<AckMode>('ack_requeue_true')
  const amount = useSignal('1')
  const encoding = useSignal<GetOptions['encoding']>('auto')
  const got = useSignal<readonly GotMessage[] | null>(null)
  const failure = useSignal<unknown>(null)
  const get = async (): Promise<void> => {
    failure.value = null
    try {
      got.value = await getMessages(vhost, name, {
        count: Math.min(MOST_MESSAGES, Math.max(1, Math.trunc(Number(amount.value)) || 1)),
        ackmode: mode.value,
        encoding: encoding.value,
        truncate: SHOWN_BYTES,
      })
      onGot()
    } catch (error) {
      failure.value = error
    }
  }
  const modes = Object.entries(t.modes) as [AckMode, string][]
  return (
    <Card title={t.title}>
      <p class="muted">
        {t.hint} <a href={to`/queues/${vhost}/${name}/messages`}>{t.messages}</a>.
      </p>
      <form class="stack" onSubmit={(event) => event.preventDefault()}>
        <FieldGrid>
          <Field label={t.mode} help={mode.value.endsWith('true') ? t.back : t.gone}>
            <Select value={mode} choices={modes.map(([value, label]) => ({ value, label }))} />
          </Field>
          <Field label={t.count}>
            <NumberInput value={amount} min={1} max={MOST_MESSAGES} step={1} />
          </Field>
          <Field label={t.encoding}>
            <Select
              value={encoding}
              choices={[
                { value: 'auto', label: t.encodings.auto },
                { value: 'base64', label: t.encodings.base64 },
              ]}
            />
          </Field>
        </FieldGrid>
        {failure.value !== null && <ErrorPanel error={failure.value} />}
        <div>
          <Button kind="primary" submit onClick={get}>
            {t.get}
          </Button>
        </div>
      </form>
      {got.value?.length === 0 && <Empty title={t.none} />}
      {got.value?.map((message, i) => (
        <Got key={i} message={message} number={i + 1} />
      ))}
    </Card>
  )
}

function Got({ message, number }: { readonly message: GotMessage; readonly number: number }) {
  const t = texts.value
  return (
    <article class="got-message">
      <div class="row">
        <h3>{t.number(count(number))}</h3>
        {message.redelivered && <Badge tone="warn">{t.redelivered}</Badge>}
        <span class="muted small">{t.left(count(message.message_count))}</span>
      </div>
      <Facts
        items={[
          [common.value.exchange, exchangeLabel(message.exchange)],
          [
            t.key,
            <span key="key" class="mono">
              {message.routing_key}
            </span>,
          ],
        ]}
      />
      <PropertyList of={message.properties} />
      <PayloadView
        payload={message.payload}
        encoding={message.payload_encoding}
        sizeBytes={message.payload_bytes}
        truncated={message.payload_bytes > SHOWN_BYTES}
      />
    </article>
  )
}
