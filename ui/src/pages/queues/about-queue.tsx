import type { QueueDetails } from '../../api/queues.ts'
import { Card, Facts } from '../../components/page.tsx'
import { ArgumentList } from '../../components/properties.tsx'
import { bytes, count, dateTimeOf, percent } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { to } from '../../router.ts'
import { QueueFeatures } from './queue-columns.tsx'
import { queueTexts } from './queue-texts.ts'
import { Name } from '../../components/name.tsx'

/** What the queue is, and what holds for it. */
export function AboutQueue({ queue }: { readonly queue: QueueDetails }) {
  const t = queueTexts.value
  const c = common.value
  const { vhost, policy, consumer_capacity: capacity } = queue
  const effective = queue.effective_policy_definition ?? {}
  const { 'x-queue-type': _, ...args } = queue.arguments
  const hasArguments = Object.keys(args).length > 0
  const plain = queue.durable && !queue.auto_delete && !queue.exclusive
  return (
    <Card title={t.about}>
      <Facts
        items={[
          [c.type, queue.type],
          [
            c.features,
            plain ? t.durable : <QueueFeatures key="features" of={{ ...queue, arguments: {}, policy: null }} />,
          ],
          [c.node, queue.node],
          [
            t.policy,
            policy && (
              <a href={to`/policies/${vhost}/${policy}`}>
                <Name of={policy} />
              </a>
            ),
          ],
          [t.operatorPolicy, queue.operator_policy],
          [t.capacity, capacity === undefined ? null : percent(capacity)],
          [t.memory, queue.memory === undefined ? null : bytes(queue.memory)],
          [t.active, queue.single_active_consumer_tag],
          [t.exclusive, queue.exclusive_consumer_tag],
          [t.deliveryLimit, queue.delivery_limit === undefined ? null : count(queue.delivery_limit)],
          [t.groups, queue.message_groups ? count(queue.message_groups) : null],
          [t.idleSince, queue.idle_since === undefined ? null : dateTimeOf(queue.idle_since)],
          [c.arguments, hasArguments ? <ArgumentList key="arguments" of={args} /> : null],
          [t.effective, Object.keys(effective).length > 0 ? <ArgumentList key="policy" of={effective} /> : null],
        ]}
      />
    </Card>
  )
}
