import { type User, userToJson } from '../../core/users.ts'

/** A user by RabbitMQ's keys. The hash is what definitions carry, too: administrators alone may see it. */
export const userObject = (user: User): Record<string, unknown> => ({ ...userToJson(user) })
