import type { ShovelStatus } from '../../api/shovels.ts'
import { exchangeLabel } from '../../components/links.tsx'
import type { End, Side } from './definition.ts'
import { texts } from './texts.ts'

/** An end of a shovel that runs. */
export function statusEnd(status: ShovelStatus, side: Side): End {
  const queue = status[`${side}_queue`]
  const exchange = status[`${side}_exchange`]
  const key = status[`${side}_exchange_key`] ?? ''
  if (exchange !== undefined) return { kind: 'exchange', name: exchange, key }
  return queue === undefined ? { kind: 'own', name: '', key } : { kind: 'queue', name: queue, key: '' }
}

export function endText({ kind, name, key }: End): string {
  const t = texts.value
  if (kind === 'queue') return t.queueOf(name)
  return kind === 'own' ? t.ownExchange : t.exchangeOf(exchangeLabel(name), key)
}
