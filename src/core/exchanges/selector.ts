import type { Field } from '../fields.ts'
import type { Routable } from '../message.ts'
import type { LikePattern } from './like-pattern.ts'

/** Null is SQL's NULL: absent, or of a type that selectors do not know. As a truth value it is "unknown". */
export type SelectorValue = string | number | bigint | boolean | null

export type Comparison = '=' | '<>' | '<' | '<=' | '>' | '>='
export type Arithmetic = '+' | '-' | '*' | '/'

/** A selector as a tree, whichever language it was written in. */
export type Selector =
  | { readonly kind: 'literal'; readonly value: string | number | bigint | boolean }
  | { readonly kind: 'identifier'; readonly name: string }
  | { readonly kind: 'and' | 'or'; readonly left: Selector; readonly right: Selector }
  | { readonly kind: 'not' | 'negate' | 'isNull'; readonly operand: Selector }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: Selector; readonly right: Selector }
  | { readonly kind: 'calculate'; readonly operator: Arithmetic; readonly left: Selector; readonly right: Selector }
  | { readonly kind: 'between'; readonly operand: Selector; readonly from: Selector; readonly to: Selector }
  | { readonly kind: 'in'; readonly operand: Selector; readonly values: readonly SelectorValue[] }
  | { readonly kind: 'like'; readonly operand: Selector; readonly pattern: LikePattern }

/**
 * Limits for both languages, so that neither parsing nor evaluating a client's selector can take long or exhaust the
 * stack.
 */
export const SELECTOR_LENGTH_MAX = 16_384
export const SELECTOR_NODES_MAX = 1_000

/** What is wrong with a selector's text; the exchange type makes it a refusal that names the binding. */
export class SelectorError extends Error {
  override readonly name = 'SelectorError'
}

/** Whether the selector is true for the message. Unknown is not true. */
export function isSelected(selector: Selector, message: Routable): boolean {
  return evaluate(selector, message) === true
}

/**
 * Three-valued: what has an unknown operand is unknown, unless the other operand of AND or OR decides. Values of
 * different kinds compare as false, by the JMS specification; arithmetic on what is no number is unknown.
 */
export function evaluate(selector: Selector, message: Routable): SelectorValue {
  switch (selector.kind) {
    case 'literal':
      return selector.value
    case 'identifier':
      return valueOf(message, selector.name)
    case 'and':
      return and(evaluate(selector.left, message), selector.right, message)
    case 'or':
      return or(evaluate(selector.left, message), selector.right, message)
    case 'not':
      return not(evaluate(selector.operand, message))
    case 'negate': {
      const value = evaluate(selector.operand, message)
      return typeof value === 'number' || typeof value === 'bigint' ? -value : null
    }
    case 'isNull':
      return evaluate(selector.operand, message) === null
    case 'compare':
      return compare(selector.operator, evaluate(selector.left, message), evaluate(selector.right, message))
    case 'calculate':
      return calculate(selector.operator, evaluate(selector.left, message), evaluate(selector.right, message))
    case 'between':
      return between(
        evaluate(selector.operand, message),
        evaluate(selector.from, message),
        evaluate(selector.to, message),
      )
    case 'in':
      return isIn(evaluate(selector.operand, message), selector.values)
    case 'like': {
      const value = evaluate(selector.operand, message)
      if (value === null) return null
      return typeof value === 'string' && selector.pattern.matches(value)
    }
  }
}

function not(value: SelectorValue): SelectorValue {
  return typeof value === 'boolean' ? !value : null
}

function and(left: SelectorValue, rightOperand: Selector, message: Routable): SelectorValue {
  if (left === false) return false
  const right = evaluate(rightOperand, message)
  if (right === false) return false
  return left === true && right === true ? true : null
}

function or(left: SelectorValue, rightOperand: Selector, message: Routable): SelectorValue {
  if (left === true) return true
  const right = evaluate(rightOperand, message)
  if (right === true) return true
  return left === false && right === false ? false : null
}

const isNumber = (value: SelectorValue): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint'

/** Integers beyond 2^53 are bigints; JavaScript orders them among numbers by value. */
function compare(operator: Comparison, left: SelectorValue, right: SelectorValue): SelectorValue {
  if (left === null || right === null) return null
  if (isNumber(left) && isNumber(right)) return ordered(operator, left, right)
  if (typeof left === 'string' && typeof right === 'string') return ordered(operator, left, right)
  if (typeof left !== 'boolean' || typeof right !== 'boolean') return false
  if (operator === '=') return left === right
  return operator === '<>' && left !== right
}

function ordered<T extends string | number | bigint>(operator: Comparison, left: T, right: T): boolean {
  switch (operator) {
    case '=':
      return equal(left, right)
    case '<>':
      return !equal(left, right)
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
  }
}

/** A number may meet a bigint, which no `===` finds equal to it. */
function equal<T extends string | number | bigint>(left: T, right: T): boolean {
  return typeof left === typeof right ? left === right : Number(left) === Number(right)
}

/** In floating point, as RabbitMQ divides: 1/2 is a half, and a division by zero is infinite. */
function calculate(operator: Arithmetic, left: SelectorValue, right: SelectorValue): SelectorValue {
  if (!isNumber(left) || !isNumber(right)) return null
  const a = Number(left)
  const b = Number(right)
  switch (operator) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
  }
}

/** What SQL makes of it, `value >= from AND value <= to`, null logic included. */
function between(value: SelectorValue, from: SelectorValue, to: SelectorValue): SelectorValue {
  const above = compare('>=', value, from)
  const below = compare('<=', value, to)
  if (above === false || below === false) return false
  return above === true && below === true ? true : null
}

function isIn(value: SelectorValue, values: readonly SelectorValue[]): SelectorValue {
  if (value === null) return null
  for (let i = 0; i < values.length; i++) if (compare('=', value, values[i]!) === true) return true
  return false
}

/**
 * A message's header of that name, or a JMS header field. The RabbitMQ JMS client sends the JMS fields as headers too,
 * so those win; for everybody else's messages they stand for the matching property.
 */
function valueOf(message: Routable, name: string): SelectorValue {
  const properties = message.properties()
  const header = properties.headers?.get(name)
  if (header !== undefined) return valueOfField(header)
  switch (name) {
    case 'JMSPriority':
      return properties.priority
    case 'JMSDeliveryMode':
      return properties.deliveryMode === 2 ? 'PERSISTENT' : 'NON_PERSISTENT'
    case 'JMSMessageID':
      return properties.messageId
    case 'JMSTimestamp': // milliseconds
      return properties.timestamp === null ? null : properties.timestamp * 1000
    case 'JMSCorrelationID':
      return properties.correlationId
    case 'JMSType':
      return properties.type
    default:
      return null
  }
}

function valueOfField(field: Field): SelectorValue {
  switch (field.type) {
    case 'longstr':
      return typeof field.value === 'string' ? field.value : null
    case 'timestamp': // milliseconds, like JMSTimestamp
      return Number(field.value) * 1000
    case 'decimal':
      return field.value.unscaled / 10 ** field.value.scale
    case 'binary':
    case 'table':
    case 'array':
    case 'void':
      return null
    default:
      return field.value
  }
}
