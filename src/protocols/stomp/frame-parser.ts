import { isUtf8 } from 'node:buffer'
import { FrameError } from './errors.ts'
import { Frame, NO_BODY, type Version } from './frame.ts'
import { unescape } from './header-escapes.ts'

/** What a frame may be like. All in bytes, but `headers`. */
export interface FrameLimits {
  /** Command and headers together. */
  readonly head: number
  readonly headers: number
  /** A body without content-length, whose end has to be looked for. */
  readonly openBody: number
  /** A body with content-length. */
  readonly countedBody: number
}

export interface FrameHandler {
  /** @param frame its body is a view of what was read, which may be kept */
  onFrame(frame: Frame): void
}

const LF = 10
const CR = 13
const COLON = 58

const IN_HEAD = 0
const IN_BODY = 1
const AT_END = 2
const STOPPED = 3

/** Of what is gathered over several reads: no client can make a piece of memory of each byte that it sends. */
const FIRST_GATHERED_BYTES = 256

/**
 * Finds frames in what is read, in whatever pieces it comes:
 *
 *     IN_HEAD ── blank line ──▶ IN_BODY ── counted body complete ──▶ AT_END ── NUL ──▶ IN_HEAD
 *                                  └─────────────── NUL ───────────────────────────────▶
 *
 * A body that lies in one piece is handed on in place, anything else is gathered in one buffer that grows. Between frames line ends and
 * NULs mean nothing: line ends are heart-beats.
 */
export class FrameParser {
  /** The one agreed upon: it says how headers are escaped. */
  version: Version = '1.0'
  limits: FrameLimits
  readonly #handler: FrameHandler
  #state = IN_HEAD
  /** Whether what has come waits. */
  paused = false
  #running = false
  #chunk: Buffer = NO_BODY
  #at = 0
  #gathered: Buffer = NO_BODY
  #gatheredLength = 0
  #command = ''
  #headers = new Map<string, string>()
  /** How many header lines there were, repeated ones too. */
  #headerLines = 0
  #headBytes = 0
  /** What content-length said; -1 where it said nothing. */
  #counted = -1
  #body: Buffer = NO_BODY

  constructor(handler: FrameHandler, limits: FrameLimits) {
    this.#handler = handler
    this.limits = limits
  }

  /** @throws FrameError; nothing more is taken then */
  push(chunk: Buffer): void {
    if (this.#state === STOPPED) return
    const unread = this.#chunk.length - this.#at
    this.#chunk = unread === 0 ? chunk : Buffer.concat([this.#chunk.subarray(this.#at), chunk])
    this.#at = 0
    this.#run()
  }

  /** Looks at what has waited. @throws FrameError; nothing more is taken then */
  resume(): void {
    this.paused = false
    if (!this.#running) this.#run()
  }

  /** What comes from now on is not looked at. */
  stop(): void {
    this.#state = STOPPED
    this.#chunk = NO_BODY
    this.#at = 0
    this.#gathered = NO_BODY
  }

  #run(): void {
    this.#running = true
    try {
      while (!this.paused && this.#at < this.#chunk.length) this.#step()
    } catch (error) {
      if (error instanceof FrameError) this.stop()
      throw error
    } finally {
      this.#running = false
    }
    if (this.#at >= this.#chunk.length) {
      this.#chunk = NO_BODY
      this.#at = 0
    }
  }

  #step(): void {
    switch (this.#state) {
      case IN_HEAD:
        this.#takeLine()
        return
      case IN_BODY:
        if (this.#counted >= 0) this.#takeCounted()
        else this.#takeUntilNul()
        return
      default:
        this.#takeEnd()
    }
  }

  // ---- head ----

  #takeLine(): void {
    if (this.#command === '' && this.#gatheredLength === 0 && this.#skipIdle()) return
    const end = this.#chunk.indexOf(LF, this.#at)
    const stop = end < 0 ? this.#chunk.length : end
    this.#headBytes += stop - this.#at + 1
    if (this.#headBytes > this.limits.head)
      throw new FrameError(`the headers are longer than ${this.limits.head} bytes\n`)
    if (end < 0) {
      if (this.#chunk.includes(0, this.#at)) throw missingBlankLine()
      this.#gather(stop)
      return
    }
    const line = this.#takeGathered(stop)
    this.#at = end + 1
    this.#onLine(line.length > 0 && line[line.length - 1] === CR ? line.subarray(0, -1) : line)
  }

  /** @returns whether nothing else is left */
  #skipIdle(): boolean {
    const chunk = this.#chunk
    let at = this.#at
    while (at < chunk.length && (chunk[at] === LF || chunk[at] === CR || chunk[at] === 0)) at++
    this.#at = at
    return at === chunk.length
  }

  #onLine(line: Buffer): void {
    if (line.length === 0) {
      this.#beginBody()
      return
    }
    if (line.includes(0)) throw missingBlankLine()
    if (this.#command === '') {
      this.#command = textOf(line, 0, line.length)
      return
    }
    if (++this.#headerLines > this.limits.headers) throw new FrameError(`more than ${this.limits.headers} headers\n`)
    const isConnect = this.#command === 'CONNECT' || this.#command === 'STOMP'
    const colon = line.indexOf(COLON)
    if (colon < 0) throw missingColon(line, isConnect)
    const version = isConnect ? '1.0' : this.version
    const name = unescape(textOf(line, 0, colon), version)
    if (this.#headers.has(name)) return
    const value = unescape(textOf(line, colon + 1, line.length), version)
    // RabbitMQ's courtesy to clients of 1.0, which write a blank there; later versions forbid it
    this.#headers.set(name, version === '1.0' ? value.replace(/^ +/, '') : value)
  }

  #beginBody(): void {
    const length = this.#headers.get('content-length')
    this.#counted = length === undefined ? -1 : countOf(length)
    const { countedBody } = this.limits
    if (this.#counted > countedBody)
      throw new FrameError(`a body of ${this.#counted} bytes, and at most ${countedBody} are taken\n`)
    this.#state = this.#counted === 0 ? AT_END : IN_BODY
  }

  // ---- body ----

  #takeCounted(): void {
    const end = Math.min(this.#chunk.length, this.#at + this.#counted - this.#gatheredLength)
    if (end - this.#at + this.#gatheredLength < this.#counted) {
      this.#gather(end)
      return
    }
    this.#body = this.#takeGathered(end)
    this.#at = end
    this.#state = AT_END
  }

  #takeUntilNul(): void {
    const end = this.#chunk.indexOf(0, this.#at)
    const stop = end < 0 ? this.#chunk.length : end
    const max = this.limits.openBody
    if (this.#gatheredLength + stop - this.#at > max) throw new FrameError(`a body of more than ${max} bytes\n`)
    if (end < 0) {
      this.#gather(stop)
      return
    }
    this.#body = this.#takeGathered(stop)
    this.#at = stop
    this.#state = AT_END
  }

  #takeEnd(): void {
    if (this.#chunk[this.#at] !== 0) throw new FrameError('no NUL where the content-length says that the body ends\n')
    this.#at++
    const frame = new Frame(this.#command, this.#headers, this.#body)
    this.#state = IN_HEAD
    this.#command = ''
    this.#headers = new Map()
    this.#headerLines = 0
    this.#headBytes = 0
    this.#body = NO_BODY
    this.#handler.onFrame(frame)
  }

  // ---- what came in pieces ----

  #gather(end: number): void {
    const needed = this.#gatheredLength + end - this.#at
    if (needed > this.#gathered.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#gathered.length * 2, FIRST_GATHERED_BYTES))
      this.#gathered.copy(grown, 0, 0, this.#gatheredLength)
      this.#gathered = grown
    }
    this.#chunk.copy(this.#gathered, this.#gatheredLength, this.#at, end)
    this.#gatheredLength = needed
    this.#at = end
  }

  /** What has been gathered, with what is there up to `end`. */
  #takeGathered(end: number): Buffer {
    if (this.#gatheredLength === 0) return this.#chunk.subarray(this.#at, end)
    this.#gather(end)
    const bytes = this.#gathered.subarray(0, this.#gatheredLength)
    this.#gathered = NO_BODY
    this.#gatheredLength = 0
    return bytes
  }
}

const missingBlankLine = (): FrameError => new FrameError('a NUL among the headers: a blank line ends them\n')

/** @param isSecret whether a password may be in it: errors are logged */
const missingColon = (line: Buffer, isSecret: boolean): FrameError =>
  new FrameError(`a header without a colon${isSecret ? '' : `: '${line.toString('utf8', 0, 100)}'`}\n`)

function textOf(line: Buffer, from: number, to: number): string {
  const text = line.toString('utf8', from, to)
  if (text.includes('\uFFFD') && !isUtf8(line.subarray(from, to))) throw new FrameError('a header that is not UTF-8\n')
  return text
}

function countOf(text: string): number {
  const count = /^ *\d{1,15} *$/.test(text) ? Number(text) : -1
  if (count < 0) throw new FrameError(`the content-length is no number of bytes: '${text.slice(0, 100)}'\n`)
  return count
}
