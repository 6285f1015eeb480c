/**
 * RabbitMQ's `rabbitmq.conf` format:
 *
 *     # a comment
 *     listeners.tcp.default = 5672        # another one
 *     default_pass          = 'a # that is meant'
 *     default_user          = $(BROKER_USER)
 *     auth_ldap.queries.tags = '''
 *     [{administrator, {in_group, "cn=admins,dc=example,dc=com"}}]
 *     '''
 *
 * A value ends at a `#` unless it is quoted; `\.` in a key is a dot that does not separate. A value in three quotes may go over
 * several lines.
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
  const rows = content.replace(/^\ufeff/, '').split(/\r?\n/)
  for (let i = 0; i < rows.length; i++) {
    const trimmed = rows[i]!.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    const line = i + 1
    try {
      const opening = /^([^=#\s]+)\s*=\s*'''/.exec(trimmed)
      if (opening === null) {
        lines.push({ ...parseLine(trimmed, env), line })
        continue
      }
      const long = longValue(rows, i, opening[1]!)
      i = long.last
      lines.push({ key: opening[1]!, value: interpolate(long.value, opening[1]!, env), line })
    } catch (error) {
      problems.push({ line, text: (error as Error).message })
    }
  }
  return { lines, problems }
}

/** A value in three quotes, which opens in row `from`. @returns it, and the row in which it closes */
function longValue(rows: readonly string[], from: number, key: string): { value: string; last: number } {
  const rest = [rows[from]!.slice(rows[from]!.indexOf("'''") + 3), ...rows.slice(from + 1)]
  const closing = rest.findIndex((row) => row.includes("'''"))
  if (closing < 0) throw new Error(`${key}: the ''' is not closed`)
  const [end, after] = rest[closing]!.split("'''", 2) as [string, string]
  if (!/^\s*(#.*)?$/.test(after)) throw new Error(`${key}: there is text after the closing '''`)
  return { value: [...rest.slice(0, closing), end].join('\n').trim(), last: from + closing }
}

function parseLine(line: string, env: Readonly<Record<string, string | undefined>>): { key: string; value: string } {
  const match = /^([^=#\s]+)\s*=\s*(.*)$/.exec(line)
  if (match === null) {
    const erlang = /^[[{%]/.test(line) ? ' (this looks like the Erlang-term format, which is not read here)' : ''
    throw new Error(`expected 'key = value'${erlang}`)
  }
  const key = match[1]!
  const value = interpolate(unquote(match[2]!, key), key, env)
  // whether '' is one is up to the option
  if (value === '' && match[2] !== "''" && match[2] !== '""') throw new Error(`${key}: has no value`)
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
