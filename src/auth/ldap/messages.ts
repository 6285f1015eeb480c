import {
  BerError,
  BerReader,
  encode,
  encodeBoolean,
  encodeNumber,
  encodeText,
  ENUMERATED,
  INTEGER,
  OCTET_STRING,
  SEQUENCE,
  SET,
  valuesIn,
} from './ber.ts'

/** The few messages of LDAP (RFC 4511) that a login needs. */
const BIND_REQUEST = 0x60
const BIND_RESPONSE = 0x61
const UNBIND_REQUEST = 0x42
const SEARCH_REQUEST = 0x63
const SEARCH_ENTRY = 0x64
const SEARCH_DONE = 0x65
const SEARCH_REFERENCE = 0x73
const EXTENDED_REQUEST = 0x77
const EXTENDED_RESPONSE = 0x78

const VERSION = 3
const SIMPLE_PASSWORD = 0x80
const REQUEST_NAME = 0x80
const START_TLS = '1.3.6.1.4.1.1466.20037'
const FILTER_EQUALITY = 0xa3
const FILTER_PRESENT = 0x87
const SCOPES = { base: 0, one: 1, sub: 2 } as const
/** Aliases stand for what they name, as in RabbitMQ. */
const DEREFERENCE_ALWAYS = 3

export const SUCCESS = 0
export const NO_SUCH_OBJECT = 32
export const INVALID_CREDENTIALS = 49

export interface LdapSearch {
  readonly base: string
  readonly scope: keyof typeof SCOPES
  /** Entries whose attribute has this value; null: all. */
  readonly filter: { readonly attribute: string; readonly value: string } | null
  /** Wanted of each entry; `1.1` is none. */
  readonly attributes: readonly string[]
}

export interface LdapEntry {
  readonly dn: string
  /** By their names, as the directory writes them. */
  readonly attributes: ReadonlyMap<string, readonly string[]>
}

/** What a directory answers. */
export type LdapAnswer = { readonly id: number } & (
  | { readonly kind: 'bind' | 'done' | 'extended'; readonly code: number }
  | { readonly kind: 'entry'; readonly entry: LdapEntry }
  | { readonly kind: 'other' }
)

const message = (id: number, operation: Buffer): Buffer => encode(SEQUENCE, encodeNumber(id), operation)

export const bindRequest = (id: number, dn: string, password: string): Buffer =>
  message(id, encode(BIND_REQUEST, encodeNumber(VERSION), encodeText(dn), encodeText(password, SIMPLE_PASSWORD)))

export const unbindRequest = (id: number): Buffer => message(id, encode(UNBIND_REQUEST))

export const startTlsRequest = (id: number): Buffer =>
  message(id, encode(EXTENDED_REQUEST, encodeText(START_TLS, REQUEST_NAME)))

/** @param entriesMax an answer with more is an error */
export function searchRequest(id: number, search: LdapSearch, entriesMax: number): Buffer {
  const { base, scope, filter, attributes } = search
  return message(
    id,
    encode(
      SEARCH_REQUEST,
      encodeText(base),
      encodeNumber(SCOPES[scope], ENUMERATED),
      encodeNumber(DEREFERENCE_ALWAYS, ENUMERATED),
      encodeNumber(entriesMax),
      encodeNumber(0), // time limit: ours
      encodeBoolean(false), // values, too
      filter === null
        ? encodeText('objectClass', FILTER_PRESENT)
        : encode(FILTER_EQUALITY, encodeText(filter.attribute), encodeText(filter.value)),
      encode(SEQUENCE, ...attributes.map((name) => encodeText(name))),
    ),
  )
}

/** @param bytes one message @throws BerError */
export function readAnswer(bytes: Buffer): LdapAnswer {
  const reader = new BerReader(new BerReader(bytes).next(SEQUENCE))
  const id = reader.number(INTEGER)
  const { tag, content } = reader.nextOfAny()
  switch (tag) {
    case BIND_RESPONSE:
      return { id, kind: 'bind', code: readCode(content) }
    case SEARCH_DONE:
      return { id, kind: 'done', code: readCode(content) }
    case EXTENDED_RESPONSE:
      return { id, kind: 'extended', code: readCode(content) }
    case SEARCH_ENTRY:
      return { id, kind: 'entry', entry: readEntry(content) }
    case SEARCH_REFERENCE:
      return { id, kind: 'other' }
    default:
      throw new BerError(`no answer has tag ${tag}`)
  }
}

/** What comes after it, a DN and a text, is for nobody. */
const readCode = (content: Buffer): number => new BerReader(content).number(ENUMERATED)

function readEntry(content: Buffer): LdapEntry {
  const reader = new BerReader(content)
  const dn = reader.next(OCTET_STRING).toString('utf8')
  const attributes = new Map<string, string[]>()
  for (const { content: attribute } of valuesIn(reader.next(SEQUENCE))) {
    const parts = new BerReader(attribute)
    const name = parts.next(OCTET_STRING).toString('utf8')
    attributes.set(
      name,
      Array.from(valuesIn(parts.next(SET)), (value) => value.content.toString('utf8')),
    )
  }
  return { dn, attributes }
}
