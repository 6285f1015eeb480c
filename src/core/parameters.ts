import { preconditionFailed } from './errors.ts'
import { refuseInvalid } from './parameter-validation.ts'

/**
 * Settings that a part of the broker is given while it runs, by virtual host. A part is a component, which checks
 * what it is given.
 */
export interface ParameterComponent {
  readonly name: string
  /** What is wrong with the value, in RabbitMQ's words; nothing when it is fine. */
  validate(name: string, value: unknown, vhost: string): readonly string[]
}

/** Also its JSON shape in the HTTP API and in definitions. */
export interface Parameter {
  readonly component: string
  readonly vhost: string
  readonly name: string
  /** JSON. */
  readonly value: unknown
}

export interface GlobalParameter {
  readonly name: string
  /** JSON. */
  readonly value: unknown
}

/** Policies have their own way in (`PolicySet`). */
const RESERVED: readonly string[] = ['policy', 'operator_policy']

/** The runtime parameters of a broker, and the global ones, which belong to no virtual host and are not checked. */
export class Parameters {
  readonly #components = new Map<string, ParameterComponent>()
  readonly #parameters = new Map<string, Parameter>()
  readonly #globals = new Map<string, GlobalParameter>()

  constructor(components: readonly ParameterComponent[]) {
    for (const component of components) this.register(component)
  }

  /** @throws Error when there is one of that name already */
  register(component: ParameterComponent): void {
    if (this.#components.has(component.name)) throw new Error(`component '${component.name}' is registered already`)
    this.#components.set(component.name, component)
  }

  /** @throws BrokerError preconditionFailed when there is no such component, or it refuses the value */
  set(vhost: string, component: string, name: string, value: unknown): Parameter {
    if (RESERVED.includes(component)) throw preconditionFailed('policies may not be set using this method')
    const owner = this.#components.get(component)
    refuseInvalid(owner === undefined ? [`component ${component} not found`] : owner.validate(name, value, vhost))
    const parameter: Parameter = { component, vhost, name, value }
    this.#parameters.set(keyOf(vhost, component, name), parameter)
    return parameter
  }

  /** Takes back what was kept by an earlier start. It was checked then; who acts on it has to bear with what is refused by now. */
  restore(parameter: Parameter): void {
    const { vhost, component, name } = parameter
    this.#parameters.set(keyOf(vhost, component, name), parameter)
  }

  /**
   * False when there was none.
   * @throws BrokerError preconditionFailed when the component is that of policies
   */
  delete(vhost: string, component: string, name: string): boolean {
    if (RESERVED.includes(component)) throw preconditionFailed('policies may not be cleared using this method')
    return this.#parameters.delete(keyOf(vhost, component, name))
  }

  deleteVhost(vhost: string): void {
    for (const [key, parameter] of this.#parameters) if (parameter.vhost === vhost) this.#parameters.delete(key)
  }

  get(vhost: string, component: string, name: string): Parameter | null {
    return this.#parameters.get(keyOf(vhost, component, name)) ?? null
  }

  /** All, those of a component, or those of a component in one virtual host. */
  list(component?: string, vhost?: string): Parameter[] {
    const wanted = (parameter: Parameter): boolean =>
      (component === undefined || parameter.component === component) &&
      (vhost === undefined || parameter.vhost === vhost)
    return [...this.#parameters.values()].filter(wanted)
  }

  setGlobal(name: string, value: unknown): GlobalParameter {
    const parameter: GlobalParameter = { name, value }
    this.#globals.set(name, parameter)
    return parameter
  }

  /** False when there was none. */
  deleteGlobal(name: string): boolean {
    return this.#globals.delete(name)
  }

  getGlobal(name: string): GlobalParameter | null {
    return this.#globals.get(name) ?? null
  }

  listGlobal(): GlobalParameter[] {
    return [...this.#globals.values()]
  }
}

const keyOf = (...parts: readonly string[]): string => JSON.stringify(parts)
