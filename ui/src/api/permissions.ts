import { path, remove, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'

/** Whose permissions: those of a user in all virtual hosts, or those of all users in one. */
export type PermissionScope = { readonly user: string } | { readonly vhost: string }

/** Each pattern is a regular expression for names; '' for none. */
export interface Permission {
  readonly user: string
  readonly vhost: string
  readonly configure: string
  readonly write: string
  readonly read: string
}

/** Patterns for routing keys of one topic exchange. */
export interface TopicPermission {
  readonly user: string
  readonly vhost: string
  readonly exchange: string
  readonly write: string
  readonly read: string
}

const resourceOf = (scope: PermissionScope): string =>
  'user' in scope ? path`users/${scope.user}` : path`vhosts/${scope.vhost}`

export const listPermissions = (
  scope: PermissionScope,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<Page<Permission>> => listPage(`${resourceOf(scope)}/permissions`, query, signal)

/** Everybody's. */
export const allPermissions = (signal?: AbortSignal): Promise<readonly Permission[]> =>
  request('GET', 'permissions', { signal })

export const putPermission = ({ user, vhost, ...patterns }: Permission): Promise<void> =>
  request('PUT', path`permissions/${vhost}/${user}`, { body: patterns })

export const deletePermission = ({ user, vhost }: Pick<Permission, 'user' | 'vhost'>): Promise<void> =>
  remove(path`permissions/${vhost}/${user}`)

export const listTopicPermissions = (
  scope: PermissionScope,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<Page<TopicPermission>> => listPage(`${resourceOf(scope)}/topic-permissions`, query, signal)

export const putTopicPermission = ({ user, vhost, ...patterns }: TopicPermission): Promise<void> =>
  request('PUT', path`topic-permissions/${vhost}/${user}`, { body: patterns })

/** Those for one exchange. RabbitMQ 3.10 knows only all of a user in a virtual host. */
export const deleteTopicPermission = ({ user, vhost, exchange }: TopicPermission): Promise<void> =>
  remove(path`topic-permissions/${vhost}/${user}/${exchange}`)
