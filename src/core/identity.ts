import { type Authorizer, PermissionsAuthorizer } from './authorizer.ts'
import type { Permissions } from './permissions.ts'

/** Who a client is, as its login has found out, and what says what it may do. */
export interface Identity {
  /** The back end may know the user by another name than the client gave. */
  readonly name: string
  /** Those of the broker's own users are as they are now. */
  readonly tags: readonly string[]
  readonly authorizer: Authorizer
  /** When the credentials end, in ms since the epoch; null for never. */
  readonly expiresAt: number | null
  /** Takes a new secret in place of the login's (AMQP: connection.update-secret). The authorizer goes by it from then on. */
  renew(secret: string): Renewal | Promise<Renewal>
}

/** The reasons are for the log. */
export type Renewal =
  | { readonly outcome: 'ok'; readonly tags: readonly string[]; readonly expiresAt: number | null }
  | { readonly outcome: 'refused' | 'failed'; readonly reason: string }

/** What is known of a client that logs in. */
export interface LoginFacts {
  /** Whether the client is on this machine. */
  readonly loopback: boolean
  /** As RabbitMQ counts logins: `amqp091`, `http`. */
  readonly protocol: string
  /** The client's IP address, for back ends that want it and for the counts. */
  readonly address: string
  /** Of who logs in to open a connection, which is told as an event; asked only where somebody wants to hear of it. Over HTTP nobody does. */
  readonly connection?: () => LoginConnection
}

/** What is known of a connection before it is open. */
export interface LoginConnection {
  readonly name: string
  /** As it is shown to people: `AMQP 0-9-1`. */
  readonly protocol: string
  /** `PLAIN` and so on. */
  readonly mechanism: string
  readonly peerPort: number
  readonly localAddress: string
  readonly isTls: boolean
}

export type LoginOutcome =
  | { readonly outcome: 'ok'; readonly identity: Identity }
  /**
   * The reason is for the log: clients are told the same for all refusals. But for one: who has logged in rightly and is in the wrong
   * place (`loopback_users`) is told that by HTTP, MQTT and STOMP, as in RabbitMQ.
   */
  | { readonly outcome: 'refused'; readonly reason: string; readonly misplaced?: true }

/**
 * One who goes by the broker's own permissions: has nothing that expires, and takes any new secret. A class, as an object literal with a
 * getter would have V8 make a hidden class for each login, and keep alive by that what the getter knows. It may be the prototype of another
 * identity, and so has nothing private.
 */
export class InternalIdentity implements Identity {
  readonly name: string
  readonly authorizer: Authorizer
  readonly expiresAt = null
  readonly readTags: () => readonly string[]

  constructor(name: string, readTags: () => readonly string[], permissions: Permissions) {
    this.name = name
    this.readTags = readTags
    this.authorizer = new PermissionsAuthorizer(permissions, name)
  }

  get tags(): readonly string[] {
    return this.readTags()
  }

  renew(): Renewal {
    return { outcome: 'ok', tags: this.tags, expiresAt: null }
  }
}
