import { type Access, AccessControl, FULL_ACCESS } from './access-control.ts'
import { notAllowed } from './errors.ts'
import { type Permissions, type TopicVariables, vhostRefusalText } from './permissions.ts'

/**
 * What one user may do. Where the answer has to be asked of something outside first, these methods and those of `Access` throw an
 * `UndecidedError`: nothing has been done then, and whoever called waits and calls again.
 */
export interface Authorizer {
  /** @throws BrokerError notAllowed, UndecidedError */
  requireVhost(vhost: string): void
  /** For one session in that vhost, which closes it. @param variables what topic permissions may name besides user and vhost */
  openAccess(vhost: string, variables?: TopicVariables): Access
}

/** Goes by the broker's own permissions: always knows the answer. */
export class PermissionsAuthorizer implements Authorizer {
  readonly #permissions: Permissions
  readonly #user: string

  constructor(permissions: Permissions, user: string) {
    this.#permissions = permissions
    this.#user = user
  }

  requireVhost(vhost: string): void {
    if (!this.#permissions.hasAccess(this.#user, vhost)) throw notAllowed(vhostRefusalText(vhost, this.#user))
  }

  openAccess(vhost: string, variables?: TopicVariables): Access {
    return new AccessControl(this.#permissions, this.#user, vhost, variables)
  }
}

/** Of the program that the broker runs in. */
export const FULL_AUTHORIZER: Authorizer = { requireVhost() {}, openAccess: () => FULL_ACCESS }
