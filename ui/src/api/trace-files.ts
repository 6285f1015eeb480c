import { path, remove, request, send } from './http.ts'

// Traces that are written to files, as RabbitMQ's tracing plugin has them. For administrators.

export type TraceFormat = 'text' | 'json'

export interface FileTraceWanted {
  readonly format: TraceFormat
  /** Of `publish.EXCHANGE` and `deliver.QUEUE`, as a topic. */
  readonly pattern: string
  /** Absent for whole payloads. */
  readonly max_payload_bytes?: number
}

export interface FileTrace extends FileTraceWanted {
  readonly vhost: string
  readonly name: string
}

export interface TraceFile {
  /** Of the trace, and `.log`. */
  readonly name: string
  /** Bytes. */
  readonly size: number
}

/** @param vhost null for all */
export const listFileTraces = (vhost: string | null, signal?: AbortSignal): Promise<readonly FileTrace[]> =>
  request('GET', vhost === null ? 'traces' : path`traces/${vhost}`, { signal })

/** @throws ApiError 400 where the broker has no folder for files, or the name is taken or cannot be that of a file */
export const startFileTrace = (vhost: string, name: string, wanted: FileTraceWanted): Promise<void> =>
  request('PUT', path`traces/${vhost}/${name}`, { body: wanted })

/** Its file stays. */
export const stopFileTrace = (vhost: string, name: string): Promise<void> => remove(path`traces/${vhost}/${name}`)

export const listTraceFiles = (signal?: AbortSignal): Promise<readonly TraceFile[]> =>
  request('GET', 'trace-files', { signal })

export async function getTraceFile(name: string): Promise<Blob> {
  return (await send('GET', path`trace-files/${name}`)).blob()
}

export const deleteTraceFile = (name: string): Promise<void> => remove(path`trace-files/${name}`)
