import type { MetricType } from './exposition.ts'

/** One number of each object of a kind. */
export interface Metric<T> {
  /** Without the prefix, which depends on where it is shown: `queue_messages_ready`. */
  readonly name: string
  readonly type: MetricType
  readonly help: string
  /** Null where the object has no such number. */
  value(row: T): number | null
  /**
   * Of all objects together, where that is more than the sum of those that are there: a counter must not fall when an object goes that
   * has counted.
   */
  readonly total?: () => number
}

/** Metrics of the same objects. */
export interface Family<T> {
  rows(): Iterable<T>
  /** As `labelsOf` makes them; '' for none. */
  labels(row: T): string
  readonly metrics: readonly Metric<T>[]
}

/** A family of which nobody has to know what its objects are. */
export type AnyFamily = Family<unknown>

export const counter = <T>(
  name: string,
  help: string,
  value: (row: T) => number | null,
  total?: () => number,
): Metric<T> => ({ name, type: 'counter', help, value, ...(total === undefined ? {} : { total }) })

export const gauge = <T>(name: string, help: string, value: (row: T) => number | null): Metric<T> => ({
  name,
  type: 'gauge',
  help,
  value,
})

/** Numbers of the node itself. */
export const single = (metrics: readonly Metric<null>[]): Family<null> => ({
  rows: () => [null],
  labels: () => '',
  metrics,
})
