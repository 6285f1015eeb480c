import type { QueuedMessage } from '../../api/queue-messages.ts'
import { Dialog } from '../dialog.tsx'
import { ChannelLink, ExchangeLink } from '../links.tsx'
import { PayloadView, PropertyList } from '../message/message-view.tsx'
import { Badge, Facts } from '../page.tsx'
import { Shown } from '../polled.tsx'
import { count, dateTime } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { usePoll } from '../../state/poll.ts'
import type { Found } from './found.ts'
import { texts } from './texts.ts'

export interface MessageDialogProps {
  readonly vhost: string
  readonly message: Found
  readonly inFull: (message: Found, signal: AbortSignal) => Promise<QueuedMessage | null>
  readonly onClose: () => void
}

/** Everything about one message. What the list has cut is asked for. */
export function MessageDialog({ vhost, message, inFull, onClose }: MessageDialogProps) {
  const load = async (signal: AbortSignal): Promise<{ readonly whole: QueuedMessage | null }> => ({
    whole: message.truncated ? await inFull(message, signal) : message,
  })
  const read = usePoll(message.id, load, { once: true })
  return (
    <Dialog title={texts.value.one(message.id)} wide onClose={onClose}>
      <Shown of={read}>
        {({ whole }) => <Whole vhost={vhost} message={whole ?? message} isGone={whole === null} />}
      </Shown>
    </Dialog>
  )
}

interface WholeProps {
  readonly vhost: string
  readonly message: QueuedMessage
  readonly isGone: boolean
}

function Whole({ vhost, message, isGone }: WholeProps) {
  const t = texts.value
  const { consumer, due_at: dueAt } = message
  return (
    <div class="stack">
      {isGone && <p role="alert">{t.gone}</p>}
      <Facts
        items={[
          [t.state, <StateOf key="state" message={message} />],
          [common.value.exchange, <ExchangeLink key="exchange" vhost={vhost} name={message.exchange} />],
          [t.key, <code key="key">{message.routing_key}</code>],
          [t.deliveries, count(message.delivery_count)],
          [t.residency, message.residency],
          [t.dueAt, dueAt === null ? null : dateTime(dueAt)],
          [t.heldBy, consumer && <ChannelLink name={consumer.channel} />],
          [t.since, consumer && `${dateTime(consumer.since)} (${consumer.consumer_tag})`],
        ]}
      />
      <PropertyList of={message.properties} />
      <PayloadView
        payload={message.payload}
        encoding={message.payload_encoding}
        sizeBytes={message.payload_bytes}
        truncated={message.truncated}
      />
    </div>
  )
}

const TONES = { ready: 'ok', unacked: 'info', delayed: 'warn' } as const

export function StateOf({ message }: { readonly message: QueuedMessage }) {
  const t = texts.value
  return (
    <span class="row">
      <Badge tone={TONES[message.state]}>{t.states[message.state]}</Badge>
      {message.redelivered && <Badge>{t.redelivered}</Badge>}
    </span>
  )
}
