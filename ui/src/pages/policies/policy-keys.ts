import type { ApplyTo, PolicyKey, PolicyKind } from '../../api/policies.ts'
import type { ArgumentField, ArgumentGroup } from '../../components/arguments/argument-fields.tsx'
import { exchangeArguments } from '../../components/arguments/exchange-arguments.ts'
import { queueArguments } from '../../components/arguments/queue-arguments.ts'
import { texts } from './texts.ts'

/**
 * The keys that a policy may have, in groups: a queue's or an exchange's arguments without the leading `x-`.
 * @param known what the broker takes; null where it does not tell, and says no to what it does not take
 * @param exchanges names that are offered where an exchange is wanted
 */
export function policyKeys(
  kind: PolicyKind,
  applyTo: ApplyTo,
  known: readonly PolicyKey[] | null,
  exchanges: readonly string[],
): readonly ArgumentGroup[] {
  const t = texts.value
  const fitting = known?.filter(({ operator }) => kind === 'policies' || operator).map(({ name }) => name)
  const fits = ({ key }: ArgumentField): boolean => fitting?.includes(key) ?? true
  const queues = applyTo === 'exchanges' ? [] : queueArguments(exchanges)
  // What queues have, too, stands with the queues already.
  const ofQueues = new Set(queues.flatMap(({ fields }) => fields.map(({ key }) => key)))
  const forExchanges = applyTo === 'all' || applyTo === 'exchanges' ? exchangeArguments('topic', exchanges, []) : []
  const rest = forExchanges.flatMap(({ fields }) => fields.filter(({ key }) => !ofQueues.has(key)))
  const federation: ArgumentField[] = [
    { key: 'federation-upstream', kind: 'text', ...t.upstream },
    { key: 'federation-upstream-set', kind: 'text', ...t.upstreamSet },
    { key: 'federation-upstream-pattern', kind: 'text', ...t.upstreamPattern },
  ]
  const groups = [...queues, { title: t.exchanges, fields: rest }, { title: t.federation, fields: federation }]
  return groups
    .map(({ title, fields }) => ({
      title,
      fields: fields.map((field) => ({ ...field, key: field.key.replace(/^x-/, '') })).filter(fits),
    }))
    .filter(({ fields }) => fields.length > 0)
}
