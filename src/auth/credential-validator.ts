import type { Passwords } from '../core/users.ts'
import type { Pattern } from '../util/pcre.ts'

/** Says why a password is not good enough; null when it is. Without a password nobody logs in by one, and no validator wants that. */
export type CredentialValidator = Passwords['refusal']

export const acceptEverything: CredentialValidator = () => null

/** @param bytes of UTF-8, as in RabbitMQ */
export const minPasswordLength =
  (bytes: number): CredentialValidator =>
  (password) =>
    password !== null && Buffer.byteLength(password) >= bytes ? null : `minimum required password length is ${bytes}`

export const passwordRegexp =
  (pattern: Pattern): CredentialValidator =>
  (password) =>
    password !== null && pattern.test(password)
      ? null
      : 'provided password does not match the validator regular expression'
