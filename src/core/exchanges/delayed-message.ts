import { preconditionFailed } from '../errors.ts'
import { stringOf } from '../fields.ts'
import type { ExchangeFacts, ExchangeType } from './exchange-type.ts'

const NAME = 'x-delayed-message'

/**
 * The community plugin's exchange: it routes as the type that `x-delayed-type` names does, but keeps each message until it is due. The
 * keeping is not the type's: any exchange can be told to (see `core/delays`).
 */
export function delayedMessage(typeNamed: (name: string) => ExchangeType | undefined): ExchangeType {
  const innerOf = ({ arguments: args }: ExchangeFacts): ExchangeType => {
    const name = stringOf(args.get('x-delayed-type'))
    if (name === NAME) {
      throw preconditionFailed(`Invalid argument, '${NAME}' can't be used for 'x-delayed-type'`)
    }
    const type = name === null ? undefined : typeNamed(name)
    if (type === undefined) {
      throw preconditionFailed(`Invalid argument, 'x-delayed-type' must be an existing exchange type`)
    }
    return type
  }
  return {
    name: NAME,
    cacheable: false,
    equivalenceKeys: ['x-delayed-type'],
    routesAs: innerOf,
    validate(exchange) {
      innerOf(exchange).validate?.(exchange)
    },
    validateBinding(exchange, binding) {
      innerOf(exchange).validateBinding?.(exchange, binding)
    },
    create: (exchange, host) => innerOf(exchange).create(exchange, host),
  }
}
