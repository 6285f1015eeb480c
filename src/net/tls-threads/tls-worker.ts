import { connect, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import { type Listener, listen, type ListenError, type Peer } from '../listener.ts'
import { OpenFilesGuard } from '../open-files-guard.ts'
import { ReadBuffer } from '../read-buffer.ts'
import { encodeHandover } from './handover.ts'
import type { TlsReply, TlsRequest } from './messages.ts'
import { portLog } from './port-log.ts'
import { Splice } from './splice.ts'

/** What a TLS thread is started with. */
export interface TlsWorkerInput {
  readonly thread: number
  /** Where the broker's thread takes connections over. */
  readonly path: string
  readonly secret: Uint8Array
}

/** The broker's thread has so many connections to take over that the kernel keeps no more of them for it. */
const BACKLOG_FULL_MS = 20

const { thread, path, secret } = workerData as TlsWorkerInput
const port = parentPort!
const post = (reply: TlsReply): void => port.postMessage(reply)
const log = portLog(post)
const files = new OpenFilesGuard(log)
const reads = new ReadBuffer()
const listeners = new Map<number, Listener>()
/** By number; null while the broker's side is not there yet. */
const connections = new Map<number, Splice | null>()
let lastConnection = 0
let isStopping = false

port.on('message', (request: TlsRequest) => {
  switch (request.kind) {
    case 'listen':
      return void open(request.listener, request.options)
    case 'renew':
      return listeners.get(request.listener)?.renewTls(request.context)
    case 'close':
      return void close(request.listener)
    case 'abandon':
      return connections.get(request.connection)?.abandon()
    case 'stop':
      return stop()
  }
})

async function open(listener: number, options: Extract<TlsRequest, { kind: 'listen' }>['options']): Promise<void> {
  const onConnection = (socket: Socket, peer: Peer): void => handOver(socket, listener, peer)
  try {
    const opened = await listen({ ...options, log, onConnection })
    listeners.set(listener, opened)
    post({ kind: 'listening', listener, addresses: opened.addresses })
  } catch (error) {
    const { message: text, code } = error as ListenError
    post({ kind: 'failed', listener, text, code })
  }
}

async function close(listener: number): Promise<void> {
  await listeners.get(listener)?.close()
  listeners.delete(listener)
  post({ kind: 'closed', listener })
}

function handOver(client: Socket, listener: number, peer: Peer): void {
  const connection = ++lastConnection
  const header = encodeHandover(secret, { thread, connection, listener, peer })
  connections.set(connection, null)
  client.on('error', () => {})
  const forget = (): void => {
    connections.delete(connection)
    if (isStopping && connections.size === 0) port.close()
  }
  const dial = (): void => {
    if (client.destroyed || isStopping) return giveUp()
    const broker = connect({ path, allowHalfOpen: true })
    const onError = (err: NodeJS.ErrnoException): void => {
      if (err.code === 'EAGAIN') return void setTimeout(dial, BACKLOG_FULL_MS)
      if (err.code === 'EMFILE') files.warn(peer.address)
      else log.error('a TLS connection could not be handed over', { err, peer: peer.address })
      giveUp()
    }
    broker.once('error', onError)
    broker.once('connect', () => {
      broker.off('error', onError)
      broker.write(header)
      const splice = new Splice(client, broker, reads, forget)
      connections.set(connection, splice)
      if (client.destroyed) broker.destroy()
      if (isStopping) splice.abandon()
    })
  }
  const giveUp = (): void => {
    client.destroy()
    forget()
  }
  dial()
}

/** Ends the thread when its connections have ended, which have not much time for it. */
function stop(): void {
  isStopping = true
  for (const listener of listeners.values()) void listener.close()
  for (const splice of connections.values()) splice?.abandon()
  if (connections.size === 0) port.close()
}
