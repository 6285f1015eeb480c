import type { CoreBench } from './core-bench.ts'

/** Lets everything happen that a promise waits for. */
export async function pump<T>(bench: CoreBench, promise: Promise<T>): Promise<T> {
  let isOver = false
  const over = promise.finally(() => (isOver = true))
  while (!isOver) {
    bench.settle()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return over
}

/** All that there is, as it comes. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
