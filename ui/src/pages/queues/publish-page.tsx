import { PublishForm } from '../../components/message/publish-form.tsx'
import { Card } from '../../components/page.tsx'
import type { PageComponentProps } from '../../routes.ts'
import { GetCard } from './get-card.tsx'
import { QueueFrame } from './queue-frame.tsx'
import { queueTexts } from './queue-texts.ts'

/** Publishing to a queue and getting from it, by hand. */
export function PublishQueuePage({ params }: PageComponentProps) {
  const t = queueTexts.value
  return (
    <QueueFrame vhost={params['vhost']!} name={params['name']!}>
      {({ vhost, name }, polled) => (
        <>
          <Card title={t.publishTitle} hint={t.publishHint}>
            <PublishForm vhost={vhost} exchange="" routingKey={name} onPublished={() => void polled.refresh()} />
          </Card>
          <GetCard vhost={vhost} name={name} onGot={() => void polled.refresh()} />
        </>
      )}
    </QueueFrame>
  )
}
