import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { pino } from 'pino'
import type { Logger } from 'pino'
import type { Log, LogFacts, LogFormat, LogLevel, SteerableLog } from './log.ts'
import type { LogLine, LogTap } from './log-tap.ts'
import { RecentLines } from './recent-lines.ts'

/*
 * Apart from the interface, which everything imports: a broker in a test logs nothing, and need not wait for pino.
 */

/** Takes one finished line, with its line end, at a time. */
export interface LogWriter {
  write(line: string): void
  /** Opens the file behind it anew. */
  reopen?(): void
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

const LEVEL_ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']
/** Where pino's numbers for its levels begin, and how far apart they are. */
const PINO_DEBUG = 20
const PINO_STEP = 10

/** A log that writes to every sink what is at or above that sink's level. */
export function createLog(sinks: readonly LogSink[]): SteerableLog {
  const outlets = new Outlets(sinks)
  const options = {
    // what goes nowhere is held back before it comes here, since the level may change
    level: 'debug',
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  return new PinoLog(pino(options, outlets), outlets)
}

/** Asks pino to tell the level of each line in `lastLevel`. */
const WANTS_LEVEL: unique symbol = Symbol.for('pino.metadata')

/** Everything that a log and its children write to. */
class Outlets {
  readonly [WANTS_LEVEL] = true
  lastLevel = 0
  readonly recent = new RecentLines()
  /** Index of the lowest level that is written anywhere. */
  lowest: number
  readonly #outlets: { readonly source: LogWriter; readonly writer: LogWriter; rank: number }[]

  constructor(sinks: readonly LogSink[]) {
    this.#outlets = sinks.map(({ writer, format, level }) => ({
      source: writer,
      writer: format === 'json' ? writer : new PlaintextWriter(writer),
      rank: LEVEL_ORDER.indexOf(level),
    }))
    this.lowest = Math.min(LEVEL_ORDER.indexOf('silent'), ...this.#outlets.map(({ rank }) => rank))
  }

  write(line: string): void {
    const rank = (this.lastLevel - PINO_DEBUG) / PINO_STEP
    this.recent.push(formatPlaintext(JSON.parse(line) as Record<string, unknown>).trimEnd())
    for (const outlet of this.#outlets) if (outlet.rank <= rank) outlet.writer.write(line)
  }

  setLevel(level: LogLevel): void {
    for (const outlet of this.#outlets) outlet.rank = LEVEL_ORDER.indexOf(level)
    if (this.#outlets.length > 0) this.lowest = LEVEL_ORDER.indexOf(level)
  }

  reopen(): void {
    for (const { source } of this.#outlets) source.reopen?.()
  }
}

/**
 * The log a configuration asks for. Lines are written synchronously, so that the last words before an exit get out.
 *
 * @param tap gets the lines besides, from its level on
 * @throws Error when the log file cannot be opened.
 */
export function openLog(settings: LogSettings, tap: { to: LogTap; level: LogLevel } | null = null): SteerableLog {
  const sinks: LogSink[] = []
  // Standard error, so that standard output stays readable for people and for what waits for the ready line.
  if (settings.console) {
    const console = pino.destination({ dest: 2, sync: true })
    sinks.push({ ...settings.console, writer: { write: (line) => console.write(line) } })
  }
  if (settings.file) {
    const { path, level, format } = settings.file
    mkdirSync(dirname(path), { recursive: true })
    const file = pino.destination({ dest: path, append: true, sync: true })
    sinks.push({ level, format, writer: { write: (line) => file.write(line), reopen: () => file.reopen() } })
  }
  if (tap !== null) sinks.push({ level: tap.level, format: 'json', writer: new TapWriter(tap.to) })
  return createLog(sinks)
}

const RANK = { debug: 0, info: 1, warn: 2, error: 3 } as const

class PinoLog implements SteerableLog {
  readonly #logger: Logger
  readonly #outlets: Outlets

  constructor(logger: Logger, outlets: Outlets) {
    this.#logger = logger
    this.#outlets = outlets
  }

  get debugOn(): boolean {
    return this.#outlets.lowest === RANK.debug
  }

  get level(): LogLevel {
    return LEVEL_ORDER[this.#outlets.lowest]!
  }

  get recent(): RecentLines {
    return this.#outlets.recent
  }

  setLevel(level: LogLevel): void {
    this.#outlets.setLevel(level)
  }

  reopen(): void {
    this.#outlets.reopen()
  }

  debug(text: string, facts?: LogFacts): void {
    if (this.#outlets.lowest > RANK.debug) return
    if (facts === undefined) this.#logger.debug(text)
    else this.#logger.debug(facts, text)
  }

  info(text: string, facts?: LogFacts): void {
    if (this.#outlets.lowest > RANK.info) return
    if (facts === undefined) this.#logger.info(text)
    else this.#logger.info(facts, text)
  }

  warn(text: string, facts?: LogFacts): void {
    if (this.#outlets.lowest > RANK.warn) return
    if (facts === undefined) this.#logger.warn(text)
    else this.#logger.warn(facts, text)
  }

  error(text: string, facts?: LogFacts): void {
    if (this.#outlets.lowest > RANK.error) return
    if (facts === undefined) this.#logger.error(text)
    else this.#logger.error(facts, text)
  }

  child(facts: LogFacts): Log {
    return new PinoLog(this.#logger.child(facts), this.#outlets)
  }
}

class TapWriter implements LogWriter {
  readonly #tap: LogTap

  constructor(tap: LogTap) {
    this.#tap = tap
  }

  write(line: string): void {
    const entry = JSON.parse(line) as Record<string, unknown>
    this.#tap.push({
      level: entry['level'] as LogLine['level'],
      text: formatPlaintext(entry).trimEnd(),
      json: line.trimEnd(),
    })
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
