import { setImmediate } from 'node:timers/promises'
import { type Format, header, sample } from './exposition.ts'
import type { AnyFamily } from './metric.ts'

/** Text that is gathered before it is sent. */
const CHUNK_LENGTH = 64 * 1024
/** Objects that are summed up in one turn. */
const ROWS_PER_TURN = 2000

/** Names of metrics that are there already: a family may be part of another. */
export type Seen = Set<string>

/** Each object on its own. Others have their turn after each chunk. */
export async function* renderEach(
  family: AnyFamily,
  prefix: string,
  format: Format,
  seen: Seen,
): AsyncGenerator<string> {
  for (const metric of family.metrics) {
    const { name, type, help } = metric
    const fullName = prefix + name
    if (seen.has(fullName)) continue
    seen.add(fullName)
    let text = header(fullName, type, help, format)
    for (const row of family.rows()) {
      const number = metric.value(row)
      if (number !== null) text += sample(fullName, family.labels(row), number)
      if (text.length < CHUNK_LENGTH) continue
      yield text
      text = ''
      await setImmediate()
    }
    yield text
  }
}

/** The sums over all objects. */
export async function* renderSums(
  family: AnyFamily,
  prefix: string,
  format: Format,
  seen: Seen,
): AsyncGenerator<string> {
  const metrics = family.metrics.filter(({ name }) => !seen.has(prefix + name))
  const sums = metrics.map(({ total }) => total?.() ?? 0)
  let count = 0
  for (const row of family.rows()) {
    for (const [i, metric] of metrics.entries()) if (metric.total === undefined) sums[i]! += metric.value(row) ?? 0
    if (++count % ROWS_PER_TURN === 0) await setImmediate()
  }
  for (const [i, { name, type, help }] of metrics.entries()) {
    const fullName = prefix + name
    seen.add(fullName)
    yield header(fullName, type, help, format) + sample(fullName, '', sums[i]!)
  }
}
