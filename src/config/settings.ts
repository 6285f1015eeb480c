import { ConfigError } from './errors.ts'
import { isIgnored } from './ignored.ts'
import { nearest } from '../util/nearest.ts'
import type { Option } from './option.ts'
import { allOptions } from './options.ts'

/** Where a value comes from. A higher one wins. */
export const RANK = { default: 0, file: 1, env: 2, flag: 3 } as const
export type Rank = (typeof RANK)[keyof typeof RANK]

export interface Origin {
  readonly rank: Rank
  /** For people: `flag --port`, `/etc/warren.conf line 3: heartbeat`. */
  readonly where: string
}

interface Setting {
  readonly value: string
  readonly origin: Origin
}

interface Slot {
  /** The last part of the key, or `''` for options of one key, to what was set there. */
  readonly entries: Map<string, Setting>
  /** `key = none`: empties what was set no higher. */
  none: Setting | null
  /** Set as a whole, on the command line or in the environment: what was set lower than this does not show through. */
  whole: Rank
}

const byKey = new Map<string, Option<unknown>>()
for (const option of allOptions) {
  for (const key of [option.key, ...option.aliases]) byKey.set(key, option)
}
const spread = allOptions.filter((option) => option.shape !== 'one')

/** They say which files to read. */
const ONLY_OUTSIDE = new Set(['warren.config', 'warren.config_files', 'warren.advanced_config'])
/** The option that `key.NAME` belongs to, and its part of the key. */
function stemOf(key: string): [option: Option<unknown> | undefined, stem: string] {
  for (const option of spread) {
    for (const stem of [option.key, ...option.aliases]) if (key.startsWith(`${stem}.`)) return [option, stem]
  }
  return [undefined, '']
}

/** What was set, from all sources, and what was wrong with it: gathered, so that all can be told at once. */
export class Settings {
  readonly problems: string[] = []
  /** Keys that were accepted and have no meaning here. */
  readonly ignored = new Set<string>()
  readonly #slots = new Map<Option<unknown>, Slot>()
  #usageOnly = true

  problem(origin: Origin, text: string): void {
    if (origin.rank !== RANK.flag) this.#usageOnly = false
    this.problems.push(`${origin.where}: ${text}`)
  }

  /** @throws ConfigError naming every problem there is. */
  throwProblems(): void {
    if (this.problems.length > 0) throw new ConfigError(this.problems, this.#usageOnly)
  }

  /** A line of a file. `origin.where` is without the key. */
  setKey(key: string, value: string, origin: Origin): void {
    const at = { ...origin, where: `${origin.where}: ${key}` }
    const exact = byKey.get(key)
    const [option, stem] = exact === undefined ? stemOf(key) : [exact, exact.key]
    if (option === undefined) {
      if (isIgnored(key)) this.ignored.add(key)
      else this.#unknown(key, origin)
    } else if (ONLY_OUTSIDE.has(option.key)) {
      this.problem(at, 'can be set by flag or environment variable only')
    } else if (exact === undefined) {
      this.#put(option, key.slice(stem.length + 1).replaceAll('\\.', '.'), value, at)
    } else if (option.shape === 'one') {
      this.#put(option, '', value, at)
    } else if (value === 'none' && option.shape !== 'list') {
      this.#slot(option).none = { value, origin: at }
    } else {
      this.problem(at, `is set as ${option.key}.${option.shape === 'list' ? '1' : 'NAME'}`)
    }
  }

  /** A flag or an environment variable: the option as a whole, with commas where it has several values. */
  setWhole(option: Option<unknown>, value: string, origin: Origin): void {
    if (option.shape === 'one') return this.#put(option, '', value, origin)
    if (option.shape === 'named') {
      if (option.entry !== null) return this.#put(option, option.entry, value, origin)
      return this.problem(origin, 'can be set in a configuration file only')
    }
    const slot = this.#slot(option)
    if (slot.whole > origin.rank) return
    slot.whole = origin.rank
    if (value === 'none') return
    for (const [index, part] of value.split(',').entries()) {
      const name = part.trim()
      if (option.shape === 'list') this.#put(option, String(index + 1), name, origin)
      else this.#put(option, name, 'true', origin)
    }
  }

  /** What files have set so far for an option that is spread over keys. */
  clearKeys(option: Option<unknown>): void {
    const { entries } = this.#slot(option)
    for (const [name, { origin }] of entries) if (origin.rank <= RANK.file) entries.delete(name)
  }

  /** Of the strongest source that set any of it. */
  rankOf(option: Option<unknown>): Rank {
    const slot = this.#slots.get(option)
    if (slot === undefined) return RANK.default
    let rank: Rank = slot.none?.origin.rank ?? RANK.default
    for (const { origin } of slot.entries.values()) if (origin.rank > rank) rank = origin.rank
    return slot.whole > rank ? slot.whole : rank
  }

  originOf(option: Option<unknown>): Origin | null {
    return this.#slots.get(option)?.entries.get('')?.origin ?? null
  }

  /** The value of an option, by its shape. One that cannot be read becomes a problem, and the default is returned. */
  resolve(option: Option<unknown>): unknown {
    const slot = this.#slots.get(option)
    if (slot === undefined) return option.default
    const bar = slot.none?.origin.rank ?? RANK.default
    const entries = [...slot.entries].filter(([, { origin }]) => origin.rank > bar && origin.rank >= slot.whole)
    switch (option.shape) {
      case 'one':
        return this.#parse(option, entries[0]![1])
      case 'list':
        entries.sort(([a], [b]) => Number(a) - Number(b) || (a < b ? -1 : 1))
        return this.#parseAll(option, entries).map(([, value]) => value)
      case 'members':
        return this.#resolveMembers(option, entries, slot)
      case 'named':
        return new Map(
          this.#parseAll(
            option,
            entries.filter(([, setting]) => setting.value !== 'none'),
          ),
        )
    }
  }

  #resolveMembers(option: Option<unknown>, entries: readonly [string, Setting][], slot: Slot): string[] {
    const fromDefault = option.keepsDefault && slot.none === null && slot.whole === RANK.default
    const found = new Set(fromDefault ? (option.default as readonly string[]) : [])
    for (const [name, setting] of entries) {
      if (this.#parse(option, setting) === true) found.add(name)
      else found.delete(name)
    }
    return [...found]
  }

  #parse(option: Option<unknown>, setting: Setting): unknown {
    const parsed = this.#parseAll(option, [['', setting]])[0]
    return parsed === undefined ? option.default : parsed[1]
  }

  /** Without those that cannot be read, which become problems. */
  #parseAll(option: Option<unknown>, entries: readonly (readonly [string, Setting])[]): [string, unknown][] {
    return entries.flatMap(([name, setting]): [string, unknown][] => {
      try {
        return [[name, option.type.parse(setting.value)]]
      } catch (error) {
        const shown = option.secret ? 'the value' : `'${setting.value}'`
        this.problem(setting.origin, `${shown} ${(error as Error).message}`)
        return []
      }
    })
  }

  #put(option: Option<unknown>, name: string, value: string, origin: Origin): void {
    if (value.startsWith('encrypted:')) {
      return this.problem(
        origin,
        'encrypted values cannot be read here; give the value itself, or $(VARIABLE) in a file',
      )
    }
    if (value === '' && option.type.mayBeEmpty !== true) return this.problem(origin, 'has no value')
    const { entries } = this.#slot(option)
    const present = entries.get(name)
    if (present === undefined || present.origin.rank <= origin.rank) entries.set(name, { value, origin })
  }

  #slot(option: Option<unknown>): Slot {
    let slot = this.#slots.get(option)
    if (slot === undefined) {
      slot = { entries: new Map(), none: null, whole: RANK.default }
      this.#slots.set(option, slot)
    }
    return slot
  }

  #unknown(key: string, origin: Origin): void {
    const dot = key.lastIndexOf('.')
    const stem =
      dot < 0
        ? null
        : nearest(
            key.slice(0, dot),
            spread.map((option) => option.key),
          )
    const near = nearest(key, byKey.keys()) ?? (stem === null ? null : stem + key.slice(dot))
    this.problem(origin, `unknown key '${key}'${near === null ? '' : ` (did you mean '${near}'?)`}`)
  }
}
