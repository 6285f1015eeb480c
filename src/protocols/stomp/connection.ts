import type { Duplex } from 'node:stream'
import type { ConnectionSink, Traffic } from '../../core/client-connection.ts'
import { BrokerError } from '../../core/errors.ts'
import { UndecidedError } from '../../core/undecided.ts'
import type { Peer } from '../../net/listener.ts'
import {
  PAUSED_BY_ALARM,
  PAUSED_BY_ANSWER,
  PAUSED_BY_STORE,
  Transport,
  type TransportHandler,
} from '../../net/transport.ts'
import { AssertionError } from '../../util/assert.ts'
import type { Timer } from '../../util/clock.ts'
import { trafficOf } from '../traffic.ts'
import { Client, type ClientHost } from './client.ts'
import { connect, type Connected, IMPLICIT_CONNECT } from './connect.ts'
import { type Refusal, refusalOf, StompError } from './errors.ts'
import type { Frame } from './frame.ts'
import { type FrameHandler, FrameParser } from './frame-parser.ts'
import type { Headers } from './frame-writer.ts'
import { FramesOut, headersAbout } from './frames-out.ts'
import { HeartBeat } from './heart-beat.ts'
import { LIMITS_BEFORE_LOGIN, limitsAfterLogin } from './limits.ts'
import type { StompSettings } from './settings.ts'

/** How long a client may take to close its half once the broker has closed its own. */
const CLOSE_TIMEOUT_MS = 5_000

const AWAIT_CONNECT = 0
/** CONNECT has come, CONNECTED has not been sent. */
const CONNECTING = 1
const RUNNING = 2
/** DISCONNECT has come: receipts go out, and nothing else happens. */
const LEAVING = 3
const CLOSED = 4

/**
 *     AWAIT_CONNECT ── CONNECT ──▶ CONNECTING ── CONNECTED ──▶ RUNNING ── DISCONNECT ──▶ LEAVING ──▶ CLOSED
 *
 * One STOMP connection: bytes to frames, frames to its client, errors to ERROR frames.
 */
export class Connection implements TransportHandler, FrameHandler, ConnectionSink, ClientHost {
  readonly transport: Transport
  readonly out: FramesOut
  readonly writesWhole: boolean
  readonly #settings: StompSettings
  readonly #peer: Peer
  readonly #parser: FrameParser
  readonly #onEnd: () => void
  #state = AWAIT_CONNECT
  #client: Client | null = null
  #heartBeat: HeartBeat | null = null
  #loginTimer: Timer | null
  #closeTimer: Timer | null = null
  #ended: (() => void) | null = null

  constructor(socket: Duplex, peer: Peer, settings: StompSettings, onEnd: () => void) {
    const { broker, clock, implicitConnect } = settings
    this.#settings = settings
    this.#peer = peer
    this.#onEnd = onEnd
    this.writesWhole = peer.websocket
    this.#parser = new FrameParser(this, implicitConnect ? limitsAfterLogin(settings) : LIMITS_BEFORE_LOGIN)
    this.transport = new Transport(socket, broker.turn, settings.pool, this)
    this.out = new FramesOut(settings, this.transport)
    this.#loginTimer = clock.schedule(settings.loginTimeoutMs, { onTimer: () => this.drop() })
    this.transport.start()
  }

  // ---- bytes in ----

  onData(chunk: Buffer): void {
    this.#attempt(null, () => this.#parser.push(chunk))
    this.#settings.broker.turn.dispatch()
  }

  onFrame(frame: Frame): void {
    this.#attempt(frame, () => {
      if (this.#state === AWAIT_CONNECT) this.#onFirst(frame)
      else if (this.#state === RUNNING) this.#onNext(frame)
    })
  }

  #onFirst(frame: Frame): void {
    const isConnect = frame.command === 'CONNECT' || frame.command === 'STOMP'
    if (!isConnect && !this.#settings.implicitConnect)
      throw new StompError('Illegal command', 'You must log in using CONNECT first', true)
    this.#state = CONNECTING
    this.#suspend()
    const isWanted = (): boolean => this.#state === CONNECTING
    const greeting = isConnect ? frame : IMPLICIT_CONNECT
    const next = isConnect ? null : frame
    connect(greeting, this.#peer, this.#settings, this, isWanted).then(
      (connected) => {
        if (connected !== null) this.#attempt(frame, () => this.#accept(connected, next))
      },
      (error: unknown) => {
        if (isWanted()) this.#failWith(this.#refusalOf(error), headersAbout(frame))
      },
    )
  }

  /** @param next what came in place of CONNECT */
  #accept(connected: Connected, next: Frame | null): void {
    const { connection, version, heartBeat, sessionId } = connected
    this.#state = RUNNING
    this.#loginTimer?.cancel()
    this.out.version = version
    this.#parser.version = version
    this.#parser.limits = limitsAfterLogin(this.#settings)
    this.#client = new Client(connection, this, this.#settings, { sessionId, version })
    this.#heartBeat = new HeartBeat(this.#settings.clock, this.transport, heartBeat, () => this.#onSilence())
    this.#client.logLife('opened')
    if (next === null) this.out.connected(connected, this.#settings)
    this.#parser.paused = false
    if (next !== null) this.#attempt(next, () => this.#onNext(next))
    if (!this.#parser.paused) this.#goOn()
  }

  #onNext(frame: Frame): void {
    if (frame.command === 'DISCONNECT') this.#onDisconnect(frame)
    else this.#handle(frame, this.#client!.read(frame))
  }

  /** Does what a frame asks for: again, when a back end has been asked, where that is needed first. */
  #handle(frame: Frame, act: () => void): void {
    try {
      act()
    } catch (error) {
      if (!(error instanceof UndecidedError)) throw error
      this.#suspend()
      void error.answered.then(() => {
        if (this.#state !== RUNNING) return
        this.#parser.paused = false
        this.#attempt(frame, () => this.#handle(frame, act))
        if (!this.#parser.paused) this.#goOn()
      })
    }
  }

  /** Nothing more is looked at until an answer is there. */
  #suspend(): void {
    this.#parser.paused = true
    this.transport.pause(PAUSED_BY_ANSWER)
  }

  #goOn(): void {
    this.transport.resume(PAUSED_BY_ANSWER)
    this.#attempt(null, () => this.#parser.resume())
  }

  #onDisconnect(frame: Frame): void {
    this.#endClient()
    this.#state = LEAVING
    this.#parser.stop()
    const receipt = frame.get('receipt')
    if (receipt !== null) this.out.receipt(0, receipt)
    this.out.whenReceiptsSent(() => this.#finish())
  }

  #onSilence(): void {
    this.fail(
      new StompError(
        'Heart-beat timeout',
        'Nothing came for more than two of the intervals that were agreed upon\n',
        true,
      ),
    )
  }

  // ---- errors ----

  /** @param frame the one that is at fault if it fails, where there is one */
  #attempt(frame: Frame | null, action: () => void): void {
    try {
      action()
    } catch (error) {
      if (error instanceof AssertionError) throw error
      this.#refuse(this.#refusalOf(error), frame)
    }
  }

  #refusalOf(error: unknown): Refusal {
    if (error instanceof StompError || error instanceof BrokerError) return refusalOf(error)
    // a mistake of ours that a client has found costs that client its connection, and nobody else anything
    this.#settings.broker.log.error('internal error', { peer: this.#peer.address, err: error as Error })
    return new StompError('internal_error', 'INTERNAL_ERROR', true)
  }

  #refuse(error: Refusal, frame: Frame | null): void {
    if (this.#state === CLOSED) return
    if (error.ends) this.#failWith(error, headersAbout(frame))
    else this.out.error(error, headersAbout(frame))
  }

  fail(error: Refusal): void {
    if (this.#state !== CLOSED) this.#failWith(error, [])
  }

  #failWith(error: Refusal, headers: Headers): void {
    const peer = this.#peer.address
    const { summary, detail } = error
    const reason = `${summary}: ${detail.trimEnd()}`
    this.#settings.broker.limitedLog.warn(`connection ${peer}`, 'connection error', { peer, reason })
    this.#endClient()
    this.out.error(error, headers)
    this.#finish()
  }

  // ---- what the broker says of the connection ----

  close(text: string): void {
    this.fail(new StompError('connection_forced', `CONNECTION_FORCED - ${text}`, true))
  }

  /** The server stops. */
  goodbye(text: string): void {
    if (this.#state === RUNNING) this.close(text)
    else this.drop()
  }

  block(): void {
    this.transport.pause(PAUSED_BY_ALARM)
  }

  unblock(): void {
    this.transport.resume(PAUSED_BY_ALARM)
  }

  hold(): void {
    this.transport.pause(PAUSED_BY_STORE)
  }

  release(): void {
    this.transport.resume(PAUSED_BY_STORE)
  }

  traffic(): Traffic {
    return trafficOf(this.transport)
  }

  onPressure(choked: boolean): void {
    if (this.#client === null) return
    this.#client.connection.full = true
    this.#client.connection.choked = choked
  }

  onRelief(): void {
    this.#client?.connection.writable()
  }

  // ---- end ----

  /** Its sessions end before the client hears of it. */
  #endClient(): void {
    this.#heartBeat?.close()
    this.#client?.close()
  }

  #finish(): void {
    this.#endClient()
    this.#state = CLOSED
    this.#parser.stop()
    this.out.close()
    this.#loginTimer?.cancel()
    for (const reason of [PAUSED_BY_ALARM, PAUSED_BY_STORE, PAUSED_BY_ANSWER]) this.transport.resume(reason)
    this.#settings.broker.commitMetadata()?.catch(() => {})
    this.transport.end()
    this.#closeTimer ??= this.#settings.clock.schedule(CLOSE_TIMEOUT_MS, { onTimer: () => this.drop() })
  }

  drop(): void {
    this.#parser.stop()
    this.transport.destroy()
  }

  onClosed(): void {
    this.#finish()
    this.#closeTimer?.cancel()
    this.#onEnd()
    this.#ended?.()
  }

  /** Resolves when the socket is gone. */
  ended(): Promise<void> {
    if (this.transport.closed) return Promise.resolve()
    return new Promise((resolve) => (this.#ended = resolve))
  }
}
