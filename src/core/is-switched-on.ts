import type { Table } from './fields.ts'
import type { EffectivePolicy } from './policy.ts'

/** Whether an exchange or a queue is to do something, by argument or by policy. @param key the policy's; the argument's has `x-` in front */
export const isSwitchedOn = (key: string, args: Table, policy: EffectivePolicy | null): boolean =>
  args.get(`x-${key}`)?.value === true || policy?.definition.get(key) === true
