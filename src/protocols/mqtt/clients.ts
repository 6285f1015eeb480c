/** Who can be told that another connection has taken its place. */
export interface Takeable {
  /** Ends at once, and lets the client know. */
  takenOver(): void
}

/** The clients that are connected, by virtual host and client id: each id once. */
export class Clients {
  count = 0
  readonly #vhosts = new Map<string, Map<string, Takeable>>()

  get(vhost: string, clientId: string): Takeable | undefined {
    return this.#vhosts.get(vhost)?.get(clientId)
  }

  add(vhost: string, clientId: string, client: Takeable): void {
    let clients = this.#vhosts.get(vhost)
    if (clients === undefined) this.#vhosts.set(vhost, (clients = new Map()))
    if (!clients.has(clientId)) this.count++
    clients.set(clientId, client)
  }

  /** Unless another one has its place already. */
  remove(vhost: string, clientId: string, client: Takeable): void {
    const clients = this.#vhosts.get(vhost)
    if (clients?.get(clientId) !== client) return
    clients.delete(clientId)
    this.count--
    if (clients.size === 0) this.#vhosts.delete(vhost)
  }
}
