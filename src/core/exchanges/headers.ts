import { preconditionFailed } from '../errors.ts'
import { equalFields, isInteger } from '../fields.ts'
import type { Field, Table } from '../fields.ts'
import type { Routable } from '../message.ts'
import { erlangText } from '../erlang-text.ts'
import type { Binding, Destination, DestinationSink, ExchangeRouter, ExchangeType } from './exchange-type.ts'

/** Headers: binding arguments against message headers; the routing key is not looked at. */
export const headers: ExchangeType = {
  name: 'headers',
  cacheable: false,
  ignoresKeys: true,
  validateBinding: (_exchange, binding) => validateMatchMode(binding.arguments.get('x-match')),
  create: () => new HeadersRouter(),
}

const MATCH_MODES: ReadonlySet<unknown> = new Set(['all', 'any', 'all-with-x', 'any-with-x'])

function validateMatchMode(mode: Field | undefined): void {
  if (mode === undefined) return
  if (mode.type !== 'longstr') {
    throw preconditionFailed(`Invalid x-match field type ${mode.type} (value ${erlangText(mode)}); expected longstr`)
  }
  if (!MATCH_MODES.has(mode.value)) {
    throw preconditionFailed(
      `Invalid x-match field value ${erlangText(mode)}; expected all, any, all-with-x, or any-with-x`,
    )
  }
}

/** A binding's arguments, sorted out once. */
class HeadersBinding {
  readonly destination: Destination
  /** All of the headers have to match, or one is enough. */
  readonly #all: boolean
  readonly #names: string[] = []
  readonly #values: Field[] = []

  constructor(binding: Binding) {
    const mode = binding.arguments.get('x-match')?.value ?? 'all'
    const withX = mode === 'all-with-x' || mode === 'any-with-x'
    this.destination = binding.destination
    this.#all = mode !== 'any' && mode !== 'any-with-x'
    for (const [name, value] of binding.arguments) {
      if (name === 'x-match' || (!withX && name.startsWith('x-'))) continue
      this.#names.push(name)
      this.#values.push(value)
    }
  }

  matches(table: Table | null): boolean {
    for (let i = 0; i < this.#names.length; i++) {
      const actual = table?.get(this.#names[i]!)
      if (actual !== undefined && matchesHeader(this.#values[i]!, actual)) {
        if (!this.#all) return true
      } else if (this.#all) {
        return false
      }
    }
    return this.#all
  }
}

class HeadersRouter implements ExchangeRouter {
  readonly #bindings = new Map<Binding, HeadersBinding>()

  bind(binding: Binding): void {
    this.#bindings.set(binding, new HeadersBinding(binding))
  }

  unbind(binding: Binding): void {
    this.#bindings.delete(binding)
  }

  route(message: Routable, out: DestinationSink): void {
    const table = message.properties().headers
    for (const binding of this.#bindings.values()) if (binding.matches(table)) out.add(binding.destination)
  }
}

/**
 * RabbitMQ compares values, not types: neither the widths of numbers matter nor whether they are whole ones (1 equals 1.0), and strings and
 * byte arrays are alike. Of a message's timestamp it compares the seconds (3.x) or the milliseconds (4.x): here it is equal by either.
 */
function matchesHeader(expected: Field, actual: Field): boolean {
  switch (expected.type) {
    case 'void':
      return true
    case 'longstr':
    case 'binary':
      return (actual.type === 'longstr' || actual.type === 'binary') && sameBytes(expected.value, actual.value)
    case 'bool':
      return actual.type === 'bool' && expected.value === actual.value
    case 'table':
    case 'array':
    case 'decimal':
      return equalFields(expected, actual)
    default:
      return matchesNumber(expected.value, actual)
  }
}

function sameBytes(a: string | Uint8Array, b: string | Uint8Array): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0
}

const bytesOf = (value: string | Uint8Array): Uint8Array => (typeof value === 'string' ? Buffer.from(value) : value)

function matchesNumber(expected: number | bigint, actual: Field): boolean {
  if (actual.type === 'timestamp') {
    return sameNumber(expected, actual.value) || sameNumber(expected, BigInt(actual.value) * 1000n)
  }
  if (actual.type !== 'float' && actual.type !== 'double' && !isInteger(actual)) return false
  return sameNumber(expected, actual.value as number | bigint)
}

// by value: unlike ===, which tells 5n from 5
// oxlint-disable-next-line eslint/eqeqeq
const sameNumber = (a: number | bigint, b: number | bigint): boolean => a == b
