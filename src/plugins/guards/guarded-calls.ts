import type { BrokerEvent, WantedEvents } from '../../core/events.ts'
import type { Interceptor } from '../../core/interceptors.ts'
import { Message } from '../../core/message.ts'
import type { ParameterComponent } from '../../core/parameters.ts'
import { type PluginGuard, requireFunctions, requireName } from './plugin-guard.ts'

/** @throws TypeError when it is none */
export function guardInterceptor(interceptor: Interceptor, guard: PluginGuard): Interceptor {
  requireFunctions('what is registered', { interceptor }, ['interceptor'])
  const what = 'an interceptor'
  return (message, now) => {
    const changed = guard.run(what, () => interceptor(message, now))
    if (changed instanceof Message) return changed
    throw guard.fault(what, new TypeError('it has to return a message, and not a promise of one'))
  }
}

/** @throws TypeError when it is none */
export function guardParameterComponent(component: ParameterComponent, guard: PluginGuard): ParameterComponent {
  const { name } = component
  requireName('a component of parameters', component)
  requireFunctions(`component '${name}'`, component, ['validate'])
  const what = `validate() of component '${name}'`
  return {
    name,
    validate(parameter, value, vhost) {
      const errors = guard.run(what, () => component.validate(parameter, value, vhost))
      if (Array.isArray(errors)) return errors
      throw guard.fault(what, new TypeError('it has to return a list of what is wrong'))
    },
  }
}

/** @throws TypeError when it is none */
export function guardListener(
  listener: (event: BrokerEvent) => unknown,
  guard: PluginGuard,
): (event: BrokerEvent) => void {
  requireFunctions('what onEvent is given', { listener }, ['listener'])
  return (event) => {
    const what = `its listener to events, at ${event.name}`
    try {
      const result = listener(event)
      // one that is async fails later
      if (result instanceof Promise) result.catch((error: unknown) => guard.report(what, error))
    } catch (error) {
      guard.report(what, error)
    }
  }
}

/** @throws TypeError when it is neither names nor a function */
export function guardWanted(wanted: WantedEvents | undefined, guard: PluginGuard): WantedEvents | undefined {
  if (wanted === undefined) return undefined
  if (typeof wanted !== 'function') {
    const areNames = Array.isArray(wanted) && wanted.every((name) => typeof name === 'string')
    if (!areNames)
      throw new TypeError('what onEvent is given second has to be a list of names of events, or a function')
    return wanted
  }
  return (name) => {
    try {
      return wanted(name)
    } catch (error) {
      guard.report(`what says whether it wants the event ${name}`, error)
      return false
    }
  }
}
