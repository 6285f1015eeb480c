import { effect, signal, type Signal } from '@preact/signals'

// What a user has chosen for this browser. Nothing in here is worth a secret's care.

const PREFIX = 'warren.'

function read(key: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key) ?? 'null')
  } catch {
    return null // written by another version, or storage is off: the default does
  }
}

function write(key: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key)
    else localStorage.setItem(PREFIX + key, JSON.stringify(value))
  } catch {
    // Storage is full or forbidden. The choice then lasts as long as the page.
  }
}

/** A signal that outlives the page. `isValid` guards against what an older version may have stored. */
export function stored<T>(key: string, fallback: T, isValid: (value: unknown) => boolean): Signal<T> {
  const found = read(key)
  const value = signal(found !== null && isValid(found) ? (found as T) : fallback)
  effect(() => write(key, value.value))
  return value
}

const oneOf =
  (...values: readonly unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value)

export type Theme = 'system' | 'light' | 'dark'
/** Seconds between two looks at the broker; 0 for only when asked. */
export const REFRESH_CHOICES_SEC = [2, 5, 10, 30, 0] as const
/** Seconds that charts show. RabbitMQ's choices. */
export const CHART_RANGES_SEC = [60, 600, 3600, 28_800, 86_400] as const

export const preferences = {
  theme: stored<Theme>('theme', 'system', oneOf('system', 'light', 'dark')),
  language: stored<'en' | 'zh' | null>('language', null, oneOf('en', 'zh')),
  refreshSec: stored<number>('refresh', 5, oneOf(...REFRESH_CHOICES_SEC)),
  chartRangeSec: stored<number>('chart-range', 600, oneOf(...CHART_RANGES_SEC)),
  /** The virtual host that lists are about; null for all. */
  vhost: stored<string | null>('vhost', null, (value) => typeof value === 'string'),
  pageSize: stored<number>('page-size', 50, oneOf(20, 50, 100, 250, 500)),
}
