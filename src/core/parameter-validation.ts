import { erlangBinary, erlangPairs, erlangTerm } from '../util/erlang-term.ts'
import { preconditionFailed } from './errors.ts'

/** Checks of values that came as JSON, with RabbitMQ's texts. A check returns what is wrong, or null. */
export type Check = (name: string, value: unknown) => string | null

export const number: Check = (name, value) =>
  typeof value === 'number' ? null : `${name} should be a number, actually was ${erlangTerm(value)}`

export const integer: Check = (name, value) =>
  Number.isSafeInteger(value) ? null : `${name} should be a number, actually was ${erlangTerm(value)}`

export const binary: Check = (name, value) =>
  typeof value === 'string' ? null : `${name} should be binary, actually was ${erlangTerm(value)}`

export const boolean: Check = (name, value) =>
  typeof value === 'boolean' ? null : `${name} should be boolean, actually was ${erlangTerm(value)}`

export const anything: Check = () => null

export const oneOf =
  (...options: readonly string[]): Check =>
  (name, value) => {
    if (typeof value !== 'string') return binary(name, value)
    if (options.includes(value)) return null
    const names = options.map(erlangBinary).join(',')
    return `${name} should be one of [${names}], actually was ${erlangTerm(value)}`
  }

export interface Constraint {
  readonly check: Check
  readonly mandatory: boolean
}

export const optional = (check: Check): Constraint => ({ check, mandatory: false })
export const mandatory = (check: Check): Constraint => ({ check, mandatory: true })

/**
 * What is wrong with an object of which these keys, and no others, may be set. The latest constraint's error comes
 * first.
 */
export function validateObject(
  name: string,
  constraints: Readonly<Record<string, Constraint>>,
  value: unknown,
): readonly string[] {
  if (!isObject(value)) return [`${name} not a list ${erlangTerm(value)}`]
  const errors: string[] = []
  for (const [key, { check, mandatory }] of Object.entries(constraints)) {
    if (Object.hasOwn(value, key)) {
      const error = check(key, value[key])
      if (error !== null) errors.unshift(error)
    } else if (mandatory) {
      errors.unshift(`Key "${key}" not found in ${name}`)
    }
  }
  const unknown = Object.entries(value).filter(([key]) => !Object.hasOwn(constraints, key))
  if (unknown.length > 0) errors.unshift(`Unrecognised terms ${erlangPairs(Object.fromEntries(unknown))} in ${name}`)
  return errors
}

/** @throws BrokerError preconditionFailed, with all the errors, when there are any */
export function refuseInvalid(errors: readonly string[]): void {
  if (errors.length === 0) return
  throw preconditionFailed(`Validation failed\n\n${errors.map((error) => `${error}\n`).join('')}`)
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
