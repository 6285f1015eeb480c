import type { QueueChangeReport } from '../../../api/queues.ts'
import { Badge } from '../../../components/page.tsx'
import { plain } from '../../../components/properties.tsx'
import { SimpleTable } from '../../../components/simple-table.tsx'
import { count, NONE } from '../../../format.ts'
import { common } from '../../../i18n/common.ts'
import { changeTexts } from './change-texts.ts'

/** What a change comes to: what is different, what stays, what it brings with it, whose consumers end. */
export function ChangeReport({ report }: { readonly report: QueueChangeReport }) {
  const t = changeTexts.value
  const { messages, consumers, effects } = report
  const all = messages.ready + messages.unacknowledged + messages.waiting + messages.delayed
  return (
    <div class="stack" role="status">
      <SimpleTable label={t.differences} headers={['', t.now, t.afterwards]} rows={differenceRows(report)} />
      <p>{t.stays(count(all), count(consumers.stay))}</p>
      {effects.length > 0 && (
        <SimpleTable
          label={t.effects}
          headers={[t.effect, t.messages, '']}
          rows={effects.map(({ effect, messages: affected, loses, text }) => [
            t.effectTexts[effect] ?? text,
            affected === null ? NONE : count(affected),
            loses ? <Badge tone="danger">{t.loses}</Badge> : null,
          ])}
        />
      )}
      {consumers.end.length > 0 && (
        <>
          <p>{t.ending(count(consumers.end.length))}</p>
          <SimpleTable
            label={t.endingConsumers}
            headers={[t.consumer, t.channel, t.reason]}
            rows={consumers.end.map(({ consumer_tag: tag, channel, reason }) => [
              <span class="mono">{tag}</span>,
              channel,
              reason,
            ])}
          />
        </>
      )}
    </div>
  )
}

function differenceRows({ type, durable, policy, arguments: args }: QueueChangeReport) {
  const t = changeTexts.value
  const yesOrNo = (value: boolean): string => (value ? t.yes : t.no)
  const rows = args
    .filter(({ name }) => name !== 'x-queue-type')
    .map(({ name, from, to }) => [<span class="mono">{name}</span>, valueOf(from), valueOf(to)])
  if (policy.from !== policy.to) rows.unshift([t.policy, policy.from ?? NONE, policy.to ?? NONE])
  if (durable.from !== durable.to) rows.unshift([t.durable, yesOrNo(durable.from), yesOrNo(durable.to)])
  if (type.from !== type.to) rows.unshift([common.value.type, type.from, type.to])
  return rows
}

const valueOf = (value: unknown) => (value === null ? NONE : <span class="mono">{plain(value)}</span>)
