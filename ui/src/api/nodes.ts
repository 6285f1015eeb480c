import { path, request } from './http.ts'
import { historyQuery } from './overview.ts'
import type { Details } from './types.ts'

export interface Node {
  readonly name: string
  readonly running: boolean
  /** In maintenance mode: clients cannot connect. */
  readonly being_drained?: boolean
  readonly os_pid?: string
  /** Milliseconds. */
  readonly uptime?: number
  readonly processors?: number
  readonly run_queue?: number
  readonly mem_used?: number
  readonly mem_limit?: number
  readonly mem_alarm?: boolean
  readonly mem_used_details?: Details
  readonly disk_free?: number
  readonly disk_free_limit?: number
  readonly disk_free_alarm?: boolean
  readonly disk_free_details?: Details
  readonly fd_used?: number
  readonly fd_total?: number
  readonly fd_used_details?: Details
  readonly sockets_used?: number
  readonly sockets_total?: number
  readonly sockets_used_details?: Details
  readonly proc_used?: number
  readonly proc_total?: number
  readonly db_dir?: string
  readonly config_files?: readonly string[]
  readonly log_files?: readonly string[]
  readonly enabled_plugins?: readonly string[]
  readonly applications?: readonly { readonly name: string; readonly description: string; readonly version: string }[]
  readonly auth_mechanisms?: readonly {
    readonly name: string
    readonly description: string
    readonly enabled: boolean
  }[]
}

/** Bytes by what they are for, besides `total` and `strategy`. */
export interface NodeMemory {
  readonly memory: Readonly<Record<string, number | string | Readonly<Record<string, number>>>> | 'not_available'
}

export const listNodes = (signal?: AbortSignal): Promise<readonly Node[]> => request('GET', 'nodes', { signal })

/** @param rangeSec how long a history is wanted, s */
export function getNode(name: string, rangeSec: number, signal?: AbortSignal): Promise<Node> {
  return request('GET', path`nodes/${name}`, { query: historyQuery(rangeSec, ['node_stats']), signal })
}

/** What memory is used for, largest first, without what is nothing. */
export async function getNodeMemory(
  name: string,
  signal?: AbortSignal,
): Promise<readonly (readonly [string, number])[]> {
  const { memory } = await request<NodeMemory>('GET', path`nodes/${name}/memory`, { signal })
  if (memory === 'not_available') return []
  return Object.entries(memory)
    .filter((entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] > 0)
    .toSorted(([, a], [, b]) => b - a)
}
