import type { OptionType } from './option-types.ts'

/**
 * How an option is spread over keys:
 * - `one`: `key = value`
 * - `list`: `key.1 = value`, `key.2 = value`, in the order of the numbers; on the command line separated by commas
 * - `members`: `key.NAME = true`, or `key = none`; on the command line separated by commas
 * - `named`: `key.NAME = value`, or `key = none`
 */
export type OptionShape = 'one' | 'list' | 'members' | 'named'

export interface Option<V> {
  /** RabbitMQ's `rabbitmq.conf` key where there is one; for the other shapes without the last part. */
  readonly key: string
  readonly shape: OptionShape
  /** The type of one value. */
  readonly type: OptionType<unknown>
  readonly default: V
  /** One sentence, in Markdown. */
  readonly doc: string
  /** Without the dashes. `WARREN_` and the flag in capitals is the environment variable. */
  readonly flag: string
  /** Further environment variables, RabbitMQ's. */
  readonly env: readonly string[]
  /** Further keys that mean the same. */
  readonly aliases: readonly string[]
  /** `named` only: which name flag and environment set. */
  readonly entry: string | null
  /** `members` only: the default stays when others are added, until it is switched off by name or with `none`. */
  readonly keepsDefault: boolean
  /** Whether a running broker could take a new value; the others are fixed at start. */
  readonly reloadable: boolean
  /** A secret is not shown by whatever lists the values. */
  readonly secret: boolean
}

export type ValueOf<O> = O extends Option<infer V> ? V : never

type More = Partial<Omit<Option<unknown>, 'key' | 'shape' | 'type' | 'default' | 'doc'>>

function option<V>(
  shape: OptionShape,
  key: string,
  type: OptionType<unknown>,
  value: V,
  doc: string,
  more: More,
): Option<V> {
  return {
    key,
    shape,
    type,
    default: value,
    doc,
    flag: more.flag ?? key.replaceAll(/[._]/g, '-'),
    env: more.env ?? [],
    aliases: more.aliases ?? [],
    entry: more.entry ?? null,
    keepsDefault: more.keepsDefault ?? false,
    reloadable: more.reloadable ?? false,
    secret: more.secret ?? false,
  }
}

export const one = <T>(key: string, type: OptionType<T>, value: T, doc: string, more: More = {}): Option<T> =>
  option('one', key, type as OptionType<unknown>, value, doc, more)

export const list = <T>(
  key: string,
  type: OptionType<T>,
  value: readonly NoInfer<T>[],
  doc: string,
  more: More = {},
): Option<readonly T[]> => option('list', key, type as OptionType<unknown>, value, doc, more)

export const members = (
  key: string,
  type: OptionType<boolean>,
  value: readonly string[],
  doc: string,
  more: More = {},
): Option<readonly string[]> => option('members', key, type as OptionType<unknown>, value, doc, more)

export const named = <T>(
  key: string,
  type: OptionType<T>,
  value: ReadonlyMap<string, T>,
  doc: string,
  more: More = {},
): Option<ReadonlyMap<string, T>> => option('named', key, type as OptionType<unknown>, value, doc, more)

/** The environment variable that every option has. */
export const environmentName = (option: Option<unknown>): string =>
  `WARREN_${option.flag.replaceAll('-', '_').toUpperCase()}`
