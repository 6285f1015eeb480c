/** What a name on the command line names, so that a shell can complete it. */
export type Completion =
  | 'user'
  | 'vhost'
  | 'queue'
  | 'exchange'
  | 'policy'
  | 'operator-policy'
  | 'connection'
  | 'shovel'
  | 'file'
  | 'command'
  | readonly string[]

export interface Argument {
  readonly name: string
  readonly help: string
  readonly optional?: boolean
  /** Takes all that is left. */
  readonly variadic?: boolean
  readonly completion?: Completion
}

export interface CommandOption {
  /** As in commander: `-e, --if-empty`, `--priority <priority>`. */
  readonly flags: string
  readonly help: string
  /** Turns the text into a value; throws when it is none. */
  readonly parse?: (text: string) => unknown
  readonly completion?: Completion
}

/** What there is to know about a command before it runs: how it is parsed, helped with and completed. */
export interface CommandSpec {
  readonly name: string
  /** One line. */
  readonly summary: string
  readonly arguments?: readonly Argument[]
  readonly options?: readonly CommandOption[]
  /** What follows the name of the program in examples. */
  readonly examples?: readonly string[]
}
