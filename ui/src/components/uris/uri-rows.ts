import { signal, type Signal } from '@preact/signals'
import { HIDDEN, WITH_PASSWORD } from '../../api/hidden-passwords.ts'

/** An address of a broker while it is written, with its password apart. */
export interface UriRow {
  readonly id: number
  /** Without the password. */
  readonly address: Signal<string>
  /** '' where none has been typed. */
  readonly password: Signal<string>
  /** The address for which the broker has a password that is not shown; null where it has none. */
  readonly saved: string | null
}

let lastId = 0

export const emptyRow = (): UriRow => ({ id: ++lastId, address: signal(''), password: signal(''), saved: null })

/** @param uris one or several, as a parameter has them, with `***` for passwords that the broker has */
export function rowsOf(uris: unknown): readonly UriRow[] {
  const given = (Array.isArray(uris) ? uris : [uris]).filter((uri) => typeof uri === 'string')
  return given.length === 0 ? [emptyRow()] : given.map(rowOf)
}

function rowOf(uri: string): UriRow {
  const [, start, password, rest] = WITH_PASSWORD.exec(uri) ?? []
  const address = password === undefined ? uri : `${start}${rest}`
  const saved = password === HIDDEN ? address : null
  const typed = password === undefined || saved !== null ? '' : decoded(password)
  return { id: ++lastId, address: signal(address), password: signal(typed), saved }
}

/** Moves a password that was typed into the address to where it cannot be read. */
export function splitPassword({ address, password }: UriRow): void {
  const [, start, typed, rest] = WITH_PASSWORD.exec(address.peek().trim()) ?? []
  if (typed === undefined) return
  address.value = `${start}${rest}`
  password.value = decoded(typed)
}

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const WITH_USER = /^([a-z][a-z0-9+.-]*:\/\/[^/?#@:]+)(@.*)$/is

/** Whether the broker goes on using the password that it has: it does for the same address only. */
export const keepsPassword = ({ address, password, saved }: UriRow): boolean =>
  saved !== null && password.value === '' && address.value.trim() === saved

/** Why a row cannot be sent. */
export type UriProblem = 'noUser' | 'passwordAnew'

export function problemOf(row: UriRow): UriProblem | null {
  const hasUser = WITH_USER.test(row.address.value.trim())
  if (row.password.value !== '') return hasUser || WITH_PASSWORD.test(row.address.value) ? null : 'noUser'
  return row.saved !== null && hasUser && !keepsPassword(row) ? 'passwordAnew' : null
}

export const areSound = (rows: readonly UriRow[]): boolean => rows.every((row) => problemOf(row) === null)

/** What a parameter is to have: one address as it is, a list of several, undefined where all rows are empty. */
export function urisOf(rows: readonly UriRow[]): string | readonly string[] | undefined {
  const uris = rows.map(uriOf).filter((uri) => uri !== '')
  return uris.length > 1 ? uris : uris[0]
}

function uriOf(row: UriRow): string {
  const address = row.address.value.trim()
  const password = keepsPassword(row) ? HIDDEN : encodeURIComponent(row.password.value)
  return password === '' ? address : address.replace(WITH_USER, (_, start, rest) => `${start}:${password}${rest}`)
}
