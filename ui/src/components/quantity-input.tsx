import { useSignal } from '@preact/signals'
import { defineTexts } from '../i18n/language.ts'
import { useFieldProps } from './form.tsx'

const texts = defineTexts(
  {
    unit: 'Unit',
    ms: 'milliseconds',
    s: 'seconds',
    min: 'minutes',
    h: 'hours',
    d: 'days',
    B: 'bytes',
    KiB: 'KiB',
    MiB: 'MiB',
    GiB: 'GiB',
  },
  { unit: '单位', ms: '毫秒', s: '秒', min: '分钟', h: '小时', d: '天', B: '字节', KiB: 'KiB', MiB: 'MiB', GiB: 'GiB' },
)

type UnitName = Exclude<keyof typeof texts.value, 'unit'>
type Units = readonly (readonly [UnitName, number])[]

const DURATION: Units = [
  ['ms', 1],
  ['s', 1000],
  ['min', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]
const BYTES: Units = [
  ['B', 1],
  ['KiB', 1024],
  ['MiB', 1024 ** 2],
  ['GiB', 1024 ** 3],
]

export interface QuantityInputProps {
  /** In the smallest unit; null when the input is empty. */
  readonly value: number | null
  readonly onChange: (value: number | null) => void
}

/** A span of time, ms, in a unit that suits it. */
export const DurationInput = (props: QuantityInputProps) => <QuantityInput {...props} units={DURATION} start="s" />
/** A size, bytes, in a unit that suits it. */
export const BytesInput = (props: QuantityInputProps) => <QuantityInput {...props} units={BYTES} start="MiB" />

/** The largest unit in which the value is a whole number. */
function unitFor(value: number | null, units: Units, start: UnitName): UnitName {
  if (value === null || value === 0) return start
  return units.findLast(([, size]) => value % size === 0)?.[0] ?? units[0]![0]
}

function QuantityInput(props: QuantityInputProps & { readonly units: Units; readonly start: UnitName }) {
  const { value, onChange, units, start } = props
  const unit = useSignal(unitFor(value, units, start))
  const sizeOf = (name: string): number => units.find(([other]) => other === name)![1]
  const amount = useSignal(value === null ? '' : String(value / sizeOf(unit.value)))
  const report = (): void => {
    const number = Number(amount.value)
    onChange(amount.value.trim() === '' || !(number >= 0) ? null : Math.round(number * sizeOf(unit.value)))
  }
  return (
    <div class="input-pair">
      <input
        {...useFieldProps()}
        class="input"
        type="number"
        min={0}
        step="any"
        inputMode="decimal"
        value={amount.value}
        onInput={(event) => {
          amount.value = event.currentTarget.value
          report()
        }}
      />
      <select
        class="input select input-auto"
        aria-label={texts.value.unit}
        value={unit.value}
        onChange={(event) => {
          unit.value = event.currentTarget.value as UnitName
          report()
        }}
      >
        {units.map(([name]) => (
          <option key={name} value={name}>
            {texts.value[name]}
          </option>
        ))}
      </select>
    </div>
  )
}
