import { effect, useSignal, type Signal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { NONE, timeOfDay } from '../format.ts'
import { shownTheme } from '../state/theme.ts'
import './chart.css'

export interface Series {
  /** Also what the legend's button is called. */
  readonly label: string
  /** In the order of `times`; null where there is none. */
  readonly values: readonly (number | null)[]
  /** Not shown until its entry in the legend is switched on. */
  readonly off?: boolean
}

export interface ChartProps {
  /** What the chart is about, for screen readers. */
  readonly label: string
  /** Milliseconds since the epoch, ascending. */
  readonly times: readonly number[]
  readonly series: readonly Series[]
  readonly format: (value: number) => string
  /** Sizes, whose axis has steps of powers of two. */
  readonly isBytes?: boolean
  readonly height?: number
}

/** Lines over time, with a legend of the current values whose entries can be switched off. */
export function Chart({ label, times, series, format, isBytes = false, height = 180 }: ChartProps) {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const hidden = useSignal<ReadonlySet<string>>(new Set(series.filter(({ off }) => off).map(({ label: name }) => name)))
  const cursor = useSignal<number | null>(null)
  const formatNow = useRef(format)
  formatNow.current = format
  const names = series.map((one) => one.label).join('\n')

  useEffect(() => {
    const element = host.current!
    // Canvas knows no CSS variables, so a change of theme makes a new plot.
    const stop = effect(() => {
      void shownTheme.value
      plot.current?.destroy()
      const options = plotOptions(element, names.split('\n'), height, isBytes, (value) => formatNow.current(value))
      options.hooks = { setCursor: [(self) => (cursor.value = self.cursor.idx ?? null)] }
      plot.current = new uPlot(options, [[]], element)
    })
    const observer = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height }))
    observer.observe(element)
    return () => {
      stop()
      observer.disconnect()
      plot.current?.destroy()
      plot.current = null
    }
  }, [names, height, isBytes])

  useEffect(() => {
    plot.current?.setData([times.map((ms) => ms / 1000), ...series.map((one) => [...one.values])])
  }, [times, series, names, height, shownTheme.value])

  useEffect(() => {
    for (const [i, one] of series.entries()) plot.current?.setSeries(i + 1, { show: !hidden.value.has(one.label) })
  }, [hidden.value, names, shownTheme.value])

  const at = cursor.value ?? times.length - 1
  const textOf = (one: Series): string => {
    const value = one.values[at]
    return value === null || value === undefined ? NONE : format(value)
  }
  const description = series.map((one) => `${one.label} ${textOf(one)}`).join(', ')
  return (
    <figure class="chart">
      <div ref={host} class="chart-plot" role="img" aria-label={`${label}: ${description}`} />
      <Legend series={series} textOf={textOf} hidden={hidden} time={cursor.value === null ? undefined : times[at]} />
    </figure>
  )
}

interface LegendProps {
  readonly series: readonly Series[]
  readonly textOf: (one: Series) => string
  readonly hidden: Signal<ReadonlySet<string>>
  /** Of the values shown; undefined when these are the latest. */
  readonly time: number | undefined
}

function Legend({ series, textOf, hidden, time }: LegendProps) {
  const toggle = (name: string): void => {
    const next = new Set(hidden.peek())
    if (!next.delete(name)) next.add(name)
    hidden.value = next
  }
  return (
    <figcaption class="chart-legend">
      {series.map((one, i) => (
        <button
          key={one.label}
          type="button"
          class="chart-key"
          aria-pressed={!hidden.value.has(one.label)}
          onClick={() => toggle(one.label)}
        >
          <span class={`chart-swatch chart-swatch-${(i % SERIES_COLOURS) + 1}`} />
          {one.label}
          <strong>{textOf(one)}</strong>
        </button>
      ))}
      <span class="chart-time muted small">{time === undefined ? '' : timeOfDay(time)}</span>
    </figcaption>
  )
}

const SERIES_COLOURS = 8
/** Distances of the lines: 1, 2 and 5 with any number of noughts. No fractions, which counts do not have. */
const INCREMENTS = Array.from({ length: 14 }, (_, power) => [1, 2, 5].map((digit) => digit * 10 ** power)).flat()
const BYTE_INCREMENTS = Array.from({ length: 50 }, (_, power) => 2 ** power)

/** What a CSS variable comes to now, in a form that canvas understands. */
function colourOf(element: HTMLElement, variable: string): string {
  element.style.setProperty('color', `var(${variable})`)
  const colour = getComputedStyle(element).color
  element.style.removeProperty('color')
  return colour
}

function plotOptions(
  element: HTMLElement,
  names: readonly string[],
  height: number,
  isBytes: boolean,
  format: (value: number) => string,
): uPlot.Options {
  const grid = { stroke: colourOf(element, '--border'), width: 1 }
  const axis = { stroke: colourOf(element, '--text-muted'), font: `11px ${getComputedStyle(element).fontFamily}`, grid }
  return {
    width: Math.max(element.clientWidth, 100),
    height,
    legend: { show: false },
    cursor: { y: false, points: { size: 6 } },
    // at the right, half a time of day: the last one stands below the end of the lines
    padding: [8, 28, 0, 0],
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [
      {
        ...axis,
        ticks: { show: false },
        values: (_, ticks) => ticks.map((second) => timeOfDay(second * 1000)),
        size: 28,
        space: 80,
      },
      {
        ...axis,
        ticks: { show: false },
        values: (_, ticks) => ticks.map(format),
        size: 70,
        space: 36,
        incrs: isBytes ? BYTE_INCREMENTS : INCREMENTS,
      },
    ],
    series: [
      {},
      ...names.map((label, i) => ({
        label,
        stroke: colourOf(element, `--series-${(i % SERIES_COLOURS) + 1}`),
        width: 1.5,
        points: { show: false },
      })),
    ],
  }
}
