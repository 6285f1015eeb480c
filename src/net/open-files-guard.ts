import type { Socket } from 'node:net'
import { type Log, limitLog, type LogLimiter } from '../telemetry/log.ts'
import { connectionFilesMax, readOpenFilesMax } from '../telemetry/open-files.ts'

const TOO_MANY =
  'connection refused: too many open files; raise their limit (ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of Docker)'

/** Refuses connections when hardly any file can be opened any more, and says so. */
export class OpenFilesGuard {
  readonly #limited: LogLimiter
  readonly #limit = readOpenFilesMax()
  readonly #filesMax = this.#limit === null ? Infinity : connectionFilesMax(this.#limit)

  constructor(log: Log) {
    this.#limited = limitLog(log, { burst: 1 })
  }

  /** Whether a connection that has just been accepted may stay. The system gives the lowest number that is free: as many files are open at least. */
  hasRoomFor(socket: Socket): boolean {
    return descriptorOf(socket) < this.#filesMax
  }

  /** @param peer its address */
  warn(peer: string): void {
    this.#limited.warn('files', TOO_MANY, { peer, limit: this.#limit ?? 'unknown' })
  }
}

/** The number of its file, or -1 where Node.js does not tell. */
function descriptorOf(socket: Socket): number {
  const fd = (socket as { readonly _handle?: { readonly fd?: unknown } | null })._handle?.fd
  return typeof fd === 'number' ? fd : -1
}
