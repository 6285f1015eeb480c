/** A long piece of work of the node: see docs/http-api.md. */
export interface Job {
  readonly id: string
  readonly state: 'running' | 'done' | 'failed' | 'cancelled'
  readonly done: number
  /** Null while nobody knows. */
  readonly total: number | null
  readonly error: string | null
}
