/**
 * RabbitMQ's `rabbitmq.conf` format:
 *
 *     # a comment
 *     listeners.tcp.default = 5672        # another one
 *     default_pass          = 'a # that is meant'
 *     default_user          = $(BROKER_USER)
 *
 * A value ends at a `#` unless it is quoted; `\.` in a key is a dot that does not separate.
 */
export interface ConfLine {
  /** As written, dots escaped. */
  readonly key: string
  readonly value: string
  /** Counted from 1. */
  readonly line: number
}

export interface ConfFile {
  readonly lines: readonly ConfLine[]
  readonly problems: readonly { readonly line: number; readonly text: string }[]
}

export function parseConfFile(content: string, env: Readonly<Record<string, string | undefined>>): ConfFile {
  const lines: ConfLine[] = []
  const problems: { line: number; text: string }[] = []
  for (const [index, raw] of content
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const trimmed = raw.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const line = index + 1
    try {
      lines.push({ ...parseLine(trimmed, env), line })
    } catch (error) {
      problems.push({ line, text: (error as Error).message })
    }
  }
  return { lines, problems }
}

function parseLine(line: string, env: Readonly<Record<string, string | undefined>>): { key: string; value: string } {
  const match = /^([^=#\s]+)\s*=\s*(.*)$/.exec(line)
  if (match === null) {
    const erlang = /^[[{%]/.test(line) ? ' (this looks like the Erlang-term format, which is not read here)' : ''
    throw new Error(`expected 'key = value'${erlang}`)
  }
  const key = match[1]!
  const value = interpolate(unquote(match[2]!, key), key, env)
  if (value === '') throw new Error(`${key}: has no value`)
  return { key, value }
}

function unquote(written: string, key: string): string {
  const quote = written[0]
  if (quote !== "'" && quote !== '"') return written.replace(/#.*$/, '').trimEnd()
  const end = written.indexOf(quote, 1)
  if (end < 0) throw new Error(`${key}: the quote is not closed`)
  if (!/^\s*(#.*)?$/.test(written.slice(end + 1))) throw new Error(`${key}: there is text after the closing quote`)
  return written.slice(1, end)
}

function interpolate(value: string, key: string, env: Readonly<Record<string, string | undefined>>): string {
  return value.replaceAll(/\$\((\w+)\)/g, (_, name: string) => {
    const found = env[name]
    if (found === undefined) throw new Error(`${key}: the environment variable ${name} is not set`)
    return found
  })
}
