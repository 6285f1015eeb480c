import type { Listener, ListenOptions } from '../listener.ts'
import type { TlsContext } from '../tls.ts'

export type PlainListenOptions = Omit<ListenOptions, 'log' | 'onConnection'>

/** To a TLS thread. */
export type TlsRequest =
  | { readonly kind: 'listen'; readonly listener: number; readonly options: PlainListenOptions }
  | { readonly kind: 'renew'; readonly listener: number; readonly context: TlsContext }
  | { readonly kind: 'close'; readonly listener: number }
  /** The broker has closed its side, whether or not it has read all. */
  | { readonly kind: 'abandon'; readonly connection: number }
  | { readonly kind: 'stop' }

/** From a TLS thread. */
export type TlsReply =
  | { readonly kind: 'listening'; readonly listener: number; readonly addresses: Listener['addresses'] }
  | { readonly kind: 'failed'; readonly listener: number; readonly text: string; readonly code: string }
  | { readonly kind: 'closed'; readonly listener: number }
  | LogLine

export interface LogLine {
  readonly kind: 'log'
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly text: string
  readonly facts: Readonly<Record<string, unknown>> | undefined
}
