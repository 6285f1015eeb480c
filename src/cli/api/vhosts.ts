import type { HttpApi } from './http.ts'
import { route } from './route.ts'

/** Of `GET /api/vhosts/{vhost}`. */
export interface Vhost {
  readonly name: string
  readonly description?: string
  /** A text with commas where they were set so. */
  readonly tags?: readonly string[] | string
  readonly tracing: boolean
  readonly default_queue_type?: string
  readonly cluster_state?: Readonly<Record<string, string>>
}

/** RabbitMQ's word for none is `undefined`. */
export const queueTypeOf = ({ default_queue_type: type }: Vhost): string | null =>
  type === undefined || type === 'undefined' ? null : type

export const vhostTags = ({ tags }: Vhost): readonly string[] =>
  typeof tags === 'string' ? splitTags(tags) : (tags ?? [])

export const splitTags = (text: string): string[] =>
  text
    .split(',')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '')

/** What is not given keeps its value: setting one thing must not lose another. @returns false where there is no such virtual host */
export async function changeVhost(api: HttpApi, name: string, changes: object): Promise<boolean> {
  const vhost = await api.find<Vhost>(route`/vhosts/${name}`)
  if (vhost === null) return false
  const type = queueTypeOf(vhost)
  await api.put(route`/vhosts/${name}`, {
    description: vhost.description ?? '',
    tags: vhostTags(vhost).join(','),
    ...(type !== null && { default_queue_type: type }),
    ...changes,
  })
  return true
}
