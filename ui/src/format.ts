import { computed } from '@preact/signals'
import { defineTexts, locale } from './i18n/language.ts'

// Numbers, sizes and times as people read them, in the current language. Whoever calls these in a component is drawn
// again when the language changes.

const formats = computed(() => ({
  integer: new Intl.NumberFormat(locale.value, { maximumFractionDigits: 0 }),
  one: new Intl.NumberFormat(locale.value, { maximumFractionDigits: 1 }),
  two: new Intl.NumberFormat(locale.value, { maximumFractionDigits: 2 }),
  percent: new Intl.NumberFormat(locale.value, { style: 'percent', maximumFractionDigits: 1 }),
  dateTime: new Intl.DateTimeFormat(locale.value, { dateStyle: 'medium', timeStyle: 'medium' }),
  time: new Intl.DateTimeFormat(locale.value, { timeStyle: 'medium' }),
  timeMs: new Intl.DateTimeFormat(locale.value, {
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    fractionalSecondDigits: 3,
    hourCycle: 'h23',
  }),
}))

const units = defineTexts(
  { perSecond: '/s', d: 'd', h: 'h', m: 'min', s: 's', ms: 'ms' },
  { perSecond: '/秒', d: '天', h: '小时', m: '分', s: '秒', ms: '毫秒' },
)

/** What stands where there is no value. */
export const NONE = '–'

/** A count, with separators of thousands. */
export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : formats.value.integer.format(value)
}

/** A number with up to two decimals. */
export function decimal(value: number): string {
  return formats.value.two.format(value)
}

/** A share from 0 to 1. */
export function percent(share: number): string {
  return formats.value.percent.format(share)
}

/** Events per second. Slow ones keep decimals, so that one a minute is not told as none. */
export function rate(perSecond: number | null | undefined): string {
  if (perSecond === null || perSecond === undefined) return NONE
  const { integer, one, two } = formats.value
  const format = perSecond >= 100 ? integer : perSecond >= 10 ? one : two
  const text = format.format(perSecond)
  return `${perSecond > 0 && text === '0' ? `< ${two.format(0.01)}` : text}${units.value.perSecond}`
}

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** A size in powers of 1024. */
export function bytes(size: number | null | undefined): string {
  if (size === null || size === undefined) return NONE
  let value = size
  let unit = 0
  while (Math.abs(value) >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024
    unit++
  }
  const format = unit === 0 || value >= 100 ? formats.value.integer : formats.value.one
  return `${format.format(value)} ${BYTE_UNITS[unit]!}`
}

/** Bytes per second. */
export function byteRate(perSecond: number | null | undefined): string {
  return perSecond === null || perSecond === undefined ? NONE : `${bytes(perSecond)}${units.value.perSecond}`
}

/** A span of time, by its two largest units. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE
  const { d, h, m, s, ms: milli } = units.value
  if (ms < 1000) return `${count(ms)} ${milli}`
  const parts: [number, string][] = [
    [Math.floor(ms / 86_400_000), d],
    [Math.floor(ms / 3_600_000) % 24, h],
    [Math.floor(ms / 60_000) % 60, m],
    [Math.floor(ms / 1000) % 60, s],
  ]
  const first = parts.findIndex(([value]) => value > 0)
  return parts
    .slice(first, first + 2)
    .filter(([value], i) => i === 0 || value > 0)
    .map(([value, unit]) => `${count(value)} ${unit}`)
    .join(' ')
}

/** Date and time of day, of milliseconds since the epoch. */
export function dateTime(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? NONE : formats.value.dateTime.format(ms)
}

/** Date and time of day, of what the API tells as text. What is no time is shown as it is. */
export function dateTimeOf(text: string | undefined): string {
  if (text === undefined) return NONE
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? text : dateTime(ms)
}

/** Time of day, of milliseconds since the epoch. */
export function timeOfDay(ms: number): string {
  return formats.value.time.format(ms)
}

/** Time of day, with the date where that is not today's: a page may have been open overnight. */
export function timeOrDate(ms: number): string {
  const isToday = new Date(ms).toDateString() === new Date().toDateString()
  return isToday ? timeOfDay(ms) : dateTime(ms)
}

/** Time of day to the millisecond, of milliseconds since the epoch. */
export function timeOfDayMs(ms: number): string {
  return formats.value.timeMs.format(ms)
}

/** The day that it is for the user, as names of files have it: 2026-11-28. */
export function today(): string {
  const now = new Date()
  const twoDigits = (value: number): string => String(value).padStart(2, '0')
  return `${now.getFullYear()}-${twoDigits(now.getMonth() + 1)}-${twoDigits(now.getDate())}`
}
