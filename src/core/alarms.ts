export type Resource = 'memory' | 'disk'

/** Resource alarms: while one is on, publishers are held. RabbitMQ's words for the reasons, which clients show. */
export class Alarms {
  #memory = false
  #disk = false
  #listener: (active: boolean) => void = () => {}
  #resourceListener: (resource: Resource, low: boolean) => void = () => {}
  /** Read for each message. */
  active = false
  reason = ''

  get memory(): boolean {
    return this.#memory
  }

  get disk(): boolean {
    return this.#disk
  }

  /** Called when the first alarm starts and when the last one clears. One listener: the broker. */
  onChange(listener: (active: boolean) => void): void {
    this.#listener = listener
  }

  /** Called for each alarm that starts or clears. One listener: the broker. */
  onResource(listener: (resource: Resource, low: boolean) => void): void {
    this.#resourceListener = listener
  }

  set(resource: Resource, on: boolean): void {
    if (on !== (resource === 'memory' ? this.#memory : this.#disk)) this.#resourceListener(resource, on)
    if (resource === 'memory') this.#memory = on
    else this.#disk = on
    const before = this.active
    this.active = this.#memory || this.#disk
    const low = [this.#memory ? 'memory' : '', this.#disk ? 'disk' : ''].filter(Boolean).join(' & ')
    this.reason = this.active ? `low on ${low}` : ''
    if (this.active !== before) this.#listener(this.active)
  }
}
