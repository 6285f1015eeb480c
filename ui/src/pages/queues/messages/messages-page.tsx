import { MessageBrowser } from '../../../components/message-browser/message-browser.tsx'
import { texts } from '../../../components/message-browser/texts.ts'
import type { PageComponentProps } from '../../../routes.ts'
import { QueueFrame } from '../queue-frame.tsx'
import { MessageActions } from './message-actions.tsx'

/** Messages anywhere in a queue, looked at without touching them. */
export function QueueMessagesPage({ params }: PageComponentProps) {
  const t = texts.value
  const vhost = params['vhost']!
  const name = params['name']!
  const place = { kind: 'queues', vhost, name } as const
  return (
    <QueueFrame vhost={vhost} name={name}>
      {() => <MessageBrowser place={place} hint={t.hint} noneHint={t.noneHint} actions={MessageActions} />}
    </QueueFrame>
  )
}
