import { BackendChain } from '../../src/auth/backend-chain.ts'
import { InternalBackend } from '../../src/auth/internal-backend.ts'
import { LoginAttempts } from '../../src/auth/login-attempts.ts'
import type { Broker } from '../../src/core/broker.ts'

/** Logins of the broker's own users alone. */
export function internalLogins({ users, permissions, clock, log, events }: Broker): BackendChain {
  const authn = new InternalBackend(users, permissions)
  const attempts = new LoginAttempts(false)
  return new BackendChain([{ authn, authz: null }], { users, permissions, clock, log, events, attempts })
}
