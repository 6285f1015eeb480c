import { stringOf, type Table } from '../fields.ts'
import { isSwitchedOn } from '../is-switched-on.ts'
import type { EffectivePolicy } from '../policy.ts'

const HEADER = 'x-message-group'
/** What JMS clients say. */
const JMS_HEADER = 'JMSXGroupID'

export interface GroupSettings {
  /** Where a message says to which group it belongs, in UTF-8: the first that has one counts. */
  readonly headers: readonly Uint8Array[]
}

/** How a queue groups its messages, or null where it does not. The arguments' keys are the policies' with `x-` in front. */
export function groupSettingsOf(args: Table, policy: EffectivePolicy | null): GroupSettings | null {
  if (!isSwitchedOn('message-groups', args, policy)) return null
  const fromPolicy = policy?.definition.get('message-groups-header')
  const header = stringOf(args.get('x-message-groups-header')) ?? (typeof fromPolicy === 'string' ? fromPolicy : HEADER)
  return { headers: [header, JMS_HEADER].map((name) => Buffer.from(name)) }
}
