import type { RecentLines } from './recent-lines.ts'
import { wallClock } from '../util/real-time.ts'

/** Facts that go with a line: a peer, a vhost, a user, an error under `err`. */
export type LogFacts = Readonly<Record<string, unknown>>

/**
 * All that the rest of the broker knows about logging. Info is lifecycle, warn is a client's mistake or a limit, error
 * is our fault. Where building the text costs anything, ask `debugOn` first.
 */
export interface Log {
  /** False when debug lines go nowhere. */
  readonly debugOn: boolean
  debug(text: string, facts?: LogFacts): void
  info(text: string, facts?: LogFacts): void
  warn(text: string, facts?: LogFacts): void
  error(text: string, facts?: LogFacts): void
  /** A log whose lines all carry `facts` as well. */
  child(facts: LogFacts): Log
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'
/** A log that can be steered while it is written. */
export interface SteerableLog extends Log {
  /** The lowest level that is written anywhere. */
  readonly level: LogLevel
  /** For all places that it is written to, and for all its children. */
  setLevel(level: LogLevel): void
  /** The last lines, for people, wherever they are written to. */
  readonly recent: RecentLines
  /** Opens its file anew, after somebody has moved it. @throws Error when that cannot be done */
  reopen(): void
}

export type LogFormat = 'json' | 'plaintext'

/** Says nothing, for tests and for the embedded broker. */
export const silentLog: Log = {
  debugOn: false,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
}

/**
 * Says each kind of thing at most `burst` times per window, then counts, and tells the count with the next line that it
 * lets through.
 */
export interface LogLimiter {
  /** `key` names what may repeat, for instance the kind of mistake and the peer's address. */
  error(key: string, text: string, facts?: LogFacts): void
  warn(key: string, text: string, facts?: LogFacts): void
  info(key: string, text: string, facts?: LogFacts): void
}

export interface LogLimiterOptions {
  /** Lines per key and window; 5 unless given. */
  readonly burst?: number
  /** 10 000 unless given. */
  readonly windowMs?: number
  /** Milliseconds, for tests; `Date.now` unless given. */
  readonly now?: () => number
}

// Keys hold addresses that a client chooses, so their number has to be bounded as well.
const LIMITER_KEYS_MAX = 1000

/** For all that a client can trigger as often as it likes. */
export function limitLog(log: Log, options: LogLimiterOptions = {}): LogLimiter {
  const { burst = 5, windowMs = 10_000, now = wallClock } = options
  const windows = new Map<string, { startedAt: number; said: number; suppressed: number }>()

  /** Lines held back since the last one said for this key, or -1 when this one is to be held back. */
  const admit = (key: string): number => {
    const time = now()
    const window = windows.get(key)
    if (window !== undefined && time - window.startedAt < windowMs) {
      if (window.said < burst) {
        window.said++
        return 0
      }
      window.suppressed++
      return -1
    }
    windows.delete(key)
    if (windows.size >= LIMITER_KEYS_MAX) windows.delete(windows.keys().next().value!)
    windows.set(key, { startedAt: time, said: 1, suppressed: 0 })
    return window?.suppressed ?? 0
  }

  const say = (level: 'error' | 'warn' | 'info', key: string, text: string, facts: LogFacts | undefined): void => {
    const suppressed = admit(key)
    if (suppressed < 0) return
    log[level](text, suppressed > 0 ? { ...facts, suppressed } : facts)
  }
  return {
    error: (key, text, facts) => say('error', key, text, facts),
    warn: (key, text, facts) => say('warn', key, text, facts),
    info: (key, text, facts) => say('info', key, text, facts),
  }
}
