import type { Option } from './option.ts'
import { allOptions } from './options.ts'
import { RANK, type Rank, type Settings } from './settings.ts'

/** One option as it is in force. */
export interface EffectiveSetting {
  readonly key: string
  /** As a configuration file would have it: text, a list of texts, or texts by name; null where it is a secret. */
  readonly value: string | readonly string[] | Readonly<Record<string, string>> | null
  readonly source: 'default' | 'file' | 'environment' | 'flag'
}

const SOURCES: Readonly<Record<Rank, EffectiveSetting['source']>> = {
  [RANK.default]: 'default',
  [RANK.file]: 'file',
  [RANK.env]: 'environment',
  [RANK.flag]: 'flag',
}

/** Every option, in the order of the table. @param settings without problems */
export const effectiveSettings = (settings: Settings): EffectiveSetting[] =>
  allOptions.map((option) => ({
    key: option.key,
    value: option.secret ? null : show(option, settings.resolve(option)),
    source: SOURCES[settings.rankOf(option)],
  }))

function show({ shape, type }: Option<unknown>, value: unknown): NonNullable<EffectiveSetting['value']> {
  switch (shape) {
    case 'one':
      return type.format(value)
    case 'list':
      return (value as readonly unknown[]).map((item) => type.format(item))
    case 'members':
      return value as readonly string[]
    case 'named':
      return Object.fromEntries(
        [...(value as ReadonlyMap<string, unknown>)].map(([name, item]) => [name, type.format(item)]),
      )
  }
}
