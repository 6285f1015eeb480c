import type { ApplyTo, PolicyKind } from '../../api/policies.ts'
import type { ArgumentField, ArgumentGroup } from '../../components/arguments/argument-fields.tsx'
import { exchangeArguments } from '../../components/arguments/exchange-arguments.ts'
import { queueArguments } from '../../components/arguments/queue-arguments.ts'
import { texts } from './texts.ts'

/** Arguments that only a declaration can have. */
const NOT_IN_POLICIES: ReadonlySet<string> = new Set([
  'max-priority',
  'single-active-consumer',
  'quorum-initial-group-size',
  'delayed-type',
  'recent-history-length',
  'hash-header',
  'hash-property',
])

/** Keys with which an operator can bound what a user sets; the broker refuses all others. */
const OF_OPERATORS: ReadonlySet<string> = new Set([
  'cache-size',
  'cache-ttl',
  'delayed-retry-max',
  'delayed-retry-min',
  'delayed-retry-type',
  'delivery-limit',
  'expires',
  'max-in-memory-bytes',
  'max-in-memory-length',
  'max-length',
  'max-length-bytes',
  'message-ttl',
  'overflow',
  'queue-version',
  'retry-initial-delay',
  'retry-jitter',
  'retry-max-attempts',
  'retry-max-delay',
  'retry-multiplier',
])

/**
 * The keys that a policy may have, in groups: a queue's or an exchange's arguments without the leading `x-`.
 * @param exchanges names that are offered where an exchange is wanted
 */
export function policyKeys(kind: PolicyKind, applyTo: ApplyTo, exchanges: readonly string[]): readonly ArgumentGroup[] {
  const t = texts.value
  const fits = ({ key }: ArgumentField): boolean =>
    !NOT_IN_POLICIES.has(key) && (kind === 'policies' || OF_OPERATORS.has(key))
  const queues = applyTo === 'exchanges' ? [] : queueArguments(exchanges)
  // What queues have, too, stands with the queues already.
  const known = new Set(queues.flatMap(({ fields }) => fields.map(({ key }) => key)))
  const forExchanges = applyTo === 'all' || applyTo === 'exchanges' ? exchangeArguments('topic', exchanges, []) : []
  const rest = forExchanges.flatMap(({ fields }) => fields.filter(({ key }) => !known.has(key)))
  const federation: ArgumentField[] = [
    { key: 'federation-upstream', kind: 'text', ...t.upstream },
    { key: 'federation-upstream-set', kind: 'text', ...t.upstreamSet },
  ]
  const groups = [...queues, { title: t.exchanges, fields: rest }, { title: t.federation, fields: federation }]
  return groups
    .map(({ title, fields }) => ({
      title,
      fields: fields.map((field) => ({ ...field, key: field.key.replace(/^x-/, '') })).filter(fits),
    }))
    .filter(({ fields }) => fields.length > 0)
}
