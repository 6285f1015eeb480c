import { UsageError } from '../errors.ts'

const DIVISORS: Readonly<Record<string, number>> = { bytes: 1, kb: 1e3, mb: 1e6, gb: 1e9, tb: 1e12 }

/** Of `--unit`: `bytes`, `kb`, `mb`, `gb`, `tb`, in powers of ten as RabbitMQ has them. */
export interface Unit {
  readonly name: string
  readonly divisor: number
}

export function parseUnit(text = 'gb'): Unit {
  const name = text.toLowerCase()
  const divisor = DIVISORS[name]
  if (divisor === undefined) throw new UsageError(`"unit '${text}' is not supported. Please use one of: bytes, mb, gb"`)
  return { name, divisor }
}

/** With four digits after the point, and no zeros that say nothing. */
export function inUnit(bytes: number, { name, divisor }: Unit): string {
  return `${decimal(bytes / divisor, 4)} ${name}`
}

/** Erlang's floats always have a point. */
export function decimal(value: number, digits: number): string {
  const text = String(Number(value.toFixed(digits)))
  return text.includes('.') || text.includes('e') ? text : `${text}.0`
}
