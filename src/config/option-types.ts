import { compilePcre, PatternError } from '../util/pcre.ts'

/**
 * The types an option may have. `parse` throws an `Error` whose text continues the sentence "'<value>' …"; `format`
 * writes a value the way a configuration file would.
 */
export interface OptionType<T> {
  /** What help and documentation show in place of a value. */
  readonly hint: string
  parse(text: string): T
  format(value: T): string
  /** Whether '' is a value in a file. */
  readonly mayBeEmpty?: boolean
}

/** Null host: the addresses of `--bind`. */
export interface ListenAddress {
  readonly host: string | null
  readonly port: number
}

export const text: OptionType<string> = { hint: 'TEXT', parse: (value) => value, format: (value) => value }

/** A regular expression (PCRE). */
export const pattern: OptionType<string> = {
  ...text,
  hint: 'REGEXP',
  parse(value) {
    try {
      compilePcre(value)
    } catch (error) {
      if (error instanceof PatternError)
        throw new Error(`is not a regular expression: ${error.message}`, { cause: error })
      throw error
    }
    return value
  },
}

export const path: OptionType<string> = { ...text, hint: 'PATH' }

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  on: true,
  yes: true,
  1: true,
  false: false,
  off: false,
  no: false,
  0: false,
}

export const boolean: OptionType<boolean> = {
  hint: 'true|false',
  parse(value) {
    const parsed = BOOLEANS[value.toLowerCase()]
    if (parsed === undefined) throw new Error('is neither true nor false')
    return parsed
  },
  format: String,
}

export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER): OptionType<number> {
  return {
    hint: 'N',
    parse(value) {
      if (!/^-?\d+$/.test(value)) throw new Error('is not a whole number')
      return inRange(Number(value), min, max, String)
    },
    format: String,
  }
}

/** A decimal number above zero. */
export const ratio: OptionType<number> = {
  hint: 'RATIO',
  parse(value) {
    if (!/^(\d+(\.\d*)?|\.\d+)$/.test(value) || Number(value) === 0) throw new Error('is not a number above 0')
    return Number(value)
  },
  format: (value) => (Number.isInteger(value) ? value.toFixed(1) : String(value)),
}

/** A share of something: above zero, and at most all of it. */
export const share: OptionType<number> = {
  ...ratio,
  parse(value) {
    const parsed = ratio.parse(value)
    if (parsed > 1) throw new Error('is above the maximum of 1.0')
    return parsed
  },
}

// RabbitMQ's units: a bare letter and the `i` forms count in 1024, the `B` forms in 1000.
const BYTE_POWERS: Readonly<Record<string, number>> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 }

/** Bytes, with units such as `2GB`, `50MB`, `512KiB`, `64M`. */
export function bytes(min: number = 0, max: number = Number.MAX_SAFE_INTEGER): OptionType<number> {
  return {
    hint: 'BYTES',
    parse(value) {
      const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(i?b|)$/i.exec(value)
      if (match === null || (match[2] === '' && (match[3]!.length === 2 || match[1]!.includes('.')))) {
        throw new Error('is not a size in bytes (such as 1048576, 50MB, 512KiB or 2GB)')
      }
      const base = match[3]!.toLowerCase() === 'b' ? 1000 : 1024
      const parsed = Math.floor(Number(match[1]) * base ** BYTE_POWERS[match[2]!.toLowerCase()]!)
      return inRange(parsed, min, max, formatBytes)
    },
    format: formatBytes,
  }
}

function formatBytes(value: number): string {
  for (const [unit, size] of [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
    ['GB', 1e9],
    ['MB', 1e6],
  ] as const) {
    if (value >= size && value % size === 0) return `${value / size}${unit}`
  }
  return String(value)
}

const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration, kept in `unit`, which is also what a bare number counts; `500ms`, `30s`, `5m`, `2h`, `1d` do as well. */
export function duration(unit: 'ms' | 's', min: number = 0, max: number = 2_147_483_647): OptionType<number> {
  return {
    hint: unit === 'ms' ? 'MILLISECONDS' : 'SECONDS',
    parse(value) {
      const match = /^(\d+)\s*(ms|s|m|h|d|)$/.exec(value)
      if (match === null) throw new Error('is not a duration (such as 500ms, 30s, 5m or 2h)')
      const parsed = (Number(match[1]) * MS_PER_UNIT[match[2] || unit]!) / MS_PER_UNIT[unit]!
      if (!Number.isInteger(parsed)) throw new Error('is not a whole number of seconds')
      return inRange(parsed, min, max, (bound) => `${bound}${unit}`)
    },
    format: String,
  }
}

/** One of a few words; several words may mean the same. */
export function choice<T extends string>(words: Readonly<Record<string, T>>): OptionType<T> {
  const shown = Object.keys(words).filter((word) => words[word] === word)
  return {
    hint: shown.join('|'),
    parse(value) {
      if (!Object.hasOwn(words, value)) throw new Error(`is not one of ${shown.join(', ')}`)
      return words[value]!
    },
    format: (value) => value,
  }
}

/** A choice whose words all mean themselves. */
export function oneOf<T extends string>(...words: readonly T[]): OptionType<T> {
  return choice(Object.fromEntries(words.map((word) => [word, word])) as Record<string, T>)
}

export const tlsVersion = oneOf('tlsv1.3', 'tlsv1.2', 'tlsv1.1', 'tlsv1')

/** Where RabbitMQ has a choice and we have one answer: another one is refused rather than silently not obeyed. */
export function only(words: readonly string[], why: string): OptionType<string> {
  return {
    hint: words[0]!,
    parse(value) {
      if (!words.includes(value)) throw new Error(`cannot be used: ${why}`)
      return words[0]!
    },
    format: (value) => value,
  }
}

const NOTHING = ['none', 'infinity', 'undefined', 'unlimited']

/** Adds `none` (and RabbitMQ's `infinity`) to a type. */
export function optional<T>(type: OptionType<T>): OptionType<T | null> {
  return {
    hint: type.hint,
    parse: (value) => (NOTHING.includes(value) ? null : type.parse(value)),
    format: (value) => (value === null ? 'none' : type.format(value)),
    mayBeEmpty: type.mayBeEmpty ?? false,
  }
}

/** A type of which `none` is a value of its own, for an option that follows another one unless it is given. */
export function inherited<T>(type: OptionType<T>): OptionType<T | null> {
  return { ...type, format: (value) => (value === null ? '' : type.format(value)) }
}

/** Adds `auto` to a number: the broker decides. */
export function auto(type: OptionType<number>): OptionType<number | 'auto'> {
  return {
    hint: `${type.hint}|auto`,
    parse: (value) => (value === 'auto' ? value : type.parse(value)),
    format: (value) => (value === 'auto' ? value : type.format(value)),
  }
}

/** Adds `false` to a path, as RabbitMQ writes "no log file". */
export const pathOrFalse: OptionType<string | null> = {
  hint: 'PATH|false',
  parse: (value) => (value === 'false' || value === 'none' ? null : value),
  format: (value) => value ?? 'false',
}

/** When RabbitMQ rotates a log: `$D0` for midnight, `$W0D23`, `$M1D0` and so on. */
export const rotationDate: OptionType<string> = {
  ...text,
  hint: 'DATE',
  mayBeEmpty: true,
  parse(value) {
    if (!/^(\$(H\d*|D\d*(H\d*)?|W\d*(D\d*(H\d*)?)?|M(\d+|L)?(D\d*(H\d*)?)?))?$/.test(value)) {
      throw new Error('is no time to rotate a log at (such as $D0, $W0D23 or $M1D0)')
    }
    return value
  },
}

export const port: OptionType<number> = { ...integer(0, 65_535), hint: 'PORT' }

/** `5672`, `127.0.0.1:5672`, `::1:5672` or `[::1]:5672`. */
export const listenAddress: OptionType<ListenAddress> = {
  hint: '[ADDRESS:]PORT',
  parse(value) {
    const colon = value.lastIndexOf(':')
    const host = value.slice(0, Math.max(colon, 0)).replace(/^\[(.*)\]$/, '$1')
    const digits = value.slice(colon + 1)
    if (!/^\d{1,5}$/.test(digits) || Number(digits) > 65_535 || (colon >= 0 && host === '')) {
      throw new Error('is not a port or an address and a port (such as 5672, 127.0.0.1:5672 or [::1]:5672)')
    }
    return { host: colon < 0 ? null : host, port: Number(digits) }
  },
  format({ host, port }) {
    if (host === null) return String(port)
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  },
}

function inRange(value: number, min: number, max: number, format: (bound: number) => string): number {
  if (value < min) throw new Error(`is below the minimum of ${format(min)}`)
  if (value > max) throw new Error(`is above the maximum of ${format(max)}`)
  return value
}
