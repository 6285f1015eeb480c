import type { Table } from '../fields.ts'
import type { EffectivePolicy } from '../policy.ts'

/** Whether an exchange or queue is to keep messages until they are due: by argument (`x-delayed-message`) or policy. */
export const isDelaying = (args: Table, policy: EffectivePolicy | null): boolean =>
  args.get('x-delayed-message')?.value === true || policy?.definition.get('delayed-message') === true
