import { previewPolicy, type Policy, type PolicyKind, type PolicyPreview } from '../../api/policies.ts'
import { ExchangeLink, QueueLink } from '../../components/links.tsx'
import { Badge, Card } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { count, NONE } from '../../format.ts'
import { common } from '../../i18n/common.ts'
import { useDebounced } from '../../state/debounced.ts'
import { usePoll } from '../../state/poll.ts'
import { texts } from './texts.ts'

const MOST_SHOWN = 100

/** What the policy would catch if it were saved now. Also says what the broker would refuse. */
export function PreviewCard({ kind, draft }: { readonly kind: PolicyKind; readonly draft: Policy }) {
  const t = texts.value
  const asked = useDebounced(JSON.stringify(draft)).value
  const policy = JSON.parse(asked) as Policy
  const isComplete = policy.pattern !== '' && Object.keys(policy.definition).length > 0
  return (
    <Card title={t.preview} hint={t.previewHint}>
      {isComplete ? <Preview kind={kind} policy={policy} /> : <p class="muted">{t.incomplete}</p>}
    </Card>
  )
}

function Preview({ kind, policy }: { readonly kind: PolicyKind; readonly policy: Policy }) {
  const preview = usePoll(JSON.stringify(policy), (signal) => previewPolicy(kind, policy, signal), { once: true })
  return <Shown of={preview}>{(data) => <Matches preview={data} vhost={policy.vhost} />}</Shown>
}

function Matches({ preview, vhost }: { readonly preview: PolicyPreview; readonly vhost: string }) {
  const t = texts.value
  const { matches, total } = preview
  if (total === 0) return <p class="muted">{t.nothing}</p>
  const rows = matches
    .slice(0, MOST_SHOWN)
    .map(({ kind, name, type, current, wins }) => [
      kind === 'queue' ? common.value.queue : common.value.exchange,
      kind === 'queue' ? <QueueLink vhost={vhost} name={name} /> : <ExchangeLink vhost={vhost} name={name} />,
      type,
      current ?? NONE,
      wins ? <Badge tone="ok">{t.wins}</Badge> : <Badge tone="warn">{t.loses}</Badge>,
    ])
  const won = matches.filter(({ wins }) => wins).length
  return (
    <>
      <p role="status">
        {t.caught(count(total), count(won))} {total > rows.length && t.shown(count(rows.length))}
      </p>
      <SimpleTable
        label={t.preview}
        headers={[t.kind, common.value.name, common.value.type, t.current, t.effect]}
        rows={rows}
      />
    </>
  )
}
