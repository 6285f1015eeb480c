import type { DescribeNode } from './api/target.ts'
import type { CommandSpec } from './command-spec.ts'

/** What the command line is given by the program around it, since it imports nothing of the broker. */
export interface CliHost {
  readonly version: string
  readonly describeNode: DescribeNode
  /** The commands that are not the command line's own: `start` and so on. */
  readonly commands: () => readonly CommandSpec[]
}
