import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { pino } from 'pino'
import type { Logger } from 'pino'

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
export type LogFormat = 'json' | 'plaintext'

/** Takes one finished line, with its line end, at a time. */
export interface LogWriter {
  write(line: string): void
}

export interface LogSink {
  readonly writer: LogWriter
  readonly level: LogLevel
  readonly format: LogFormat
}

export interface LogSettings {
  /** Null: nothing to the console. */
  readonly console: { readonly level: LogLevel; readonly format: LogFormat } | null
  /** Null: no file. The folder is made when it is missing. */
  readonly file: { readonly path: string; readonly level: LogLevel; readonly format: LogFormat } | null
}

/** Says nothing, for tests and for the embedded broker. */
export const silentLog: Log = {
  debugOn: false,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLog,
}

const LEVEL_ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/** A log that writes to every sink what is at or above that sink's level. */
export function createLog(sinks: readonly LogSink[]): Log {
  const open = sinks.filter((sink) => sink.level !== 'silent')
  if (open.length === 0) return silentLog
  const lowest = LEVEL_ORDER[Math.min(...open.map((sink) => LEVEL_ORDER.indexOf(sink.level)))]!
  const streams = open.map((sink) => ({
    level: sink.level as Exclude<LogLevel, 'silent'>,
    stream: sink.format === 'json' ? sink.writer : new PlaintextWriter(sink.writer),
  }))
  const options = {
    level: lowest,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return new PinoLog(pino(options, pino.multistream(streams)))
}

/**
 * The log a configuration asks for. Lines are written synchronously, so that the last words before an exit get out.
 *
 * @throws Error when the log file cannot be opened.
 */
export function openLog(settings: LogSettings): Log {
  const sinks: LogSink[] = []
  // Standard error, so that standard output stays readable for people and for what waits for the ready line.
  if (settings.console) sinks.push({ ...settings.console, writer: pino.destination({ dest: 2, sync: true }) })
  if (settings.file) {
    const { path, level, format } = settings.file
    mkdirSync(dirname(path), { recursive: true })
    sinks.push({ level, format, writer: pino.destination({ dest: path, append: true, sync: true }) })
  }
  return createLog(sinks)
}

class PinoLog implements Log {
  readonly debugOn: boolean
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
    this.debugOn = logger.isLevelEnabled('debug')
  }

  debug(text: string, facts?: LogFacts): void {
    if (facts === undefined) this.#logger.debug(text)
    else this.#logger.debug(facts, text)
  }

  info(text: string, facts?: LogFacts): void {
    if (facts === undefined) this.#logger.info(text)
    else this.#logger.info(facts, text)
  }

  warn(text: string, facts?: LogFacts): void {
    if (facts === undefined) this.#logger.warn(text)
    else this.#logger.warn(facts, text)
  }

  error(text: string, facts?: LogFacts): void {
    if (facts === undefined) this.#logger.error(text)
    else this.#logger.error(facts, text)
  }

  child(facts: LogFacts): Log {
    return new PinoLog(this.#logger.child(facts))
  }
}

/** Turns pino's JSON lines into lines for people. Parsing them back is fine: log lines are rare. */
class PlaintextWriter implements LogWriter {
  readonly #writer: LogWriter

  constructor(writer: LogWriter) {
    this.#writer = writer
  }

  write(line: string): void {
    this.#writer.write(formatPlaintext(JSON.parse(line) as Record<string, unknown>))
  }
}

/** `2026-01-31 12:00:00.000Z [info] text key=value`, and an error's stack on the lines after it. */
function formatPlaintext(entry: Record<string, unknown>): string {
  const { level, time, msg, err, ...facts } = entry
  let text = `${String(time).replace('T', ' ')} [${String(level)}] ${escapeControls(String(msg ?? ''))}`
  for (const [key, value] of Object.entries(facts)) text += ` ${key}=${formatFact(value)}`
  if (typeof err !== 'object' || err === null) return `${text}\n`
  const { message, stack } = err as { message?: unknown; stack?: unknown }
  const lines = String(stack ?? message).split('\n')
  return `${text}\n${lines.map((line) => `  ${escapeControls(line)}\n`).join('')}`
}

function formatFact(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[^\s"=]+$/.test(text) ? escapeControls(text) : escapeControls(JSON.stringify(text))
}

/** A client chooses some of what is logged; it must not be able to start a line of its own or to steer a terminal. */
function escapeControls(text: string): string {
  return text.replaceAll(
    /[\u0000-\u001f\u007f-\u009f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/**
 * Says each kind of thing at most `burst` times per window, then counts, and tells the count with the next line that it
 * lets through.
 */
export interface LogLimiter {
  /** `key` names what may repeat, for instance the kind of mistake and the peer's address. */
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
  const { burst = 5, windowMs = 10_000, now = Date.now } = options
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

  const say = (level: 'warn' | 'info', key: string, text: string, facts: LogFacts | undefined): void => {
    const suppressed = admit(key)
    if (suppressed < 0) return
    log[level](text, suppressed > 0 ? { ...facts, suppressed } : facts)
  }
  return {
    warn: (key, text, facts) => say('warn', key, text, facts),
    info: (key, text, facts) => say('info', key, text, facts),
  }
}
