import type { DescribeNode } from './api/target.ts'

/** What the command line is given by the program around it, since it imports nothing of the broker. */
export interface CliHost {
  readonly version: string
  readonly describeNode: DescribeNode
}
