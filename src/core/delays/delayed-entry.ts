import { SideLogEntry } from '../side-log-entry.ts'

/** A message that is not due yet, while it is in memory. To the store it is one that expires when it is due. */
export class DelayedEntry extends SideLogEntry {
  /** It is in the heap of what is due soon. */
  isNear = false
}
