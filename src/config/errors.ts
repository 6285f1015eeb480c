/**
 * A configuration that cannot be used. All that was found wrong is in one error, one line each, naming where it stands
 * (flag, environment variable, or file and line) and which option it is about.
 */
export class ConfigError extends Error {
  readonly problems: readonly string[]
  /** True when all of it was typed on the command line: the exit code is that of wrong usage then. */
  readonly usage: boolean

  constructor(problems: readonly string[], usage = false) {
    super(problems.join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
    this.usage = usage
  }
}
