import type { Permissions } from '../core/permissions.ts'
import type { Users } from '../core/users.ts'
import {
  type Answer,
  type AuthBackend,
  type BackendOutcome,
  type BackendUser,
  type Credentials,
  decisionOf,
  type Grants,
  type ResourceCheck,
  type TopicCheck,
} from './backend.ts'

/** The broker's own users and permissions. */
export class InternalBackend implements AuthBackend {
  readonly name = 'rabbit_auth_backend_internal'
  readonly #users: Users
  readonly #permissions: Permissions

  constructor(users: Users, permissions: Permissions) {
    this.#users = users
    this.#permissions = permissions
  }

  authenticate({ user, password, isToken }: Credentials): BackendOutcome {
    if (isToken) return { outcome: 'refused', reason: 'the internal back end takes no tokens' }
    const reason = password === null ? null : this.#users.passwordRefusal(user, password)
    return reason === null ? this.#find(user) : { outcome: 'refused', reason }
  }

  authorize({ user }: Credentials): BackendOutcome {
    return this.#find(user)
  }

  #find(name: string): BackendOutcome {
    if (this.#users.get(name) === undefined) return { outcome: 'refused', reason: `user '${name}' not found` }
    return { outcome: 'ok', user: new InternalUser(name, this.#users, new PermissionGrants(this.#permissions, name)) }
  }

  close(): void {}
}

/** A class for the same reason as `InternalIdentity`; not to be copied by its properties. */
class InternalUser implements BackendUser {
  readonly name: string
  readonly grants: Grants
  readonly expiresAt = null
  readonly renew = null
  readonly #users: Users

  constructor(name: string, users: Users, grants: Grants) {
    this.name = name
    this.#users = users
    this.grants = grants
  }

  /** As they are now. */
  get tags(): readonly string[] {
    return this.#users.get(this.name)?.tags ?? []
  }
}

/** The broker's permissions, for where they are one voice among several. */
export class PermissionGrants implements Grants {
  readonly #permissions: Permissions
  readonly #user: string

  constructor(permissions: Permissions, user: string) {
    this.#permissions = permissions
    this.#user = user
  }

  vhost(vhost: string): Answer {
    return decisionOf(this.#permissions.hasAccess(this.#user, vhost))
  }

  resource({ vhost, name, verb }: ResourceCheck): Answer {
    return decisionOf(this.#permissions.allows(this.#user, vhost, verb, name))
  }

  topic({ vhost, exchange, verb, routingKey, variables }: TopicCheck): Answer {
    return decisionOf(this.#permissions.allowsTopic(this.#user, vhost, exchange, verb, routingKey, variables))
  }
}
