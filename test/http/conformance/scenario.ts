import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DifferenceName } from './differences.ts'
import { differencesInShape } from './shape.ts'
import { type Answer, type Asked, rabbit, RABBITMQ, type Target, warren } from './target.ts'

/** One request, and what has to come of it. `{v}`, `{u}` and `{node}` in it are a vhost, a user and the node. */
export interface Step extends Asked {
  readonly status: number
  /** RabbitMQ's status, where it is another one. */
  readonly rabbitmq?: number
  /** What WarrenMQ has to answer; other keys may be there as well. */
  readonly answer?: unknown
  /** Why answers may differ: then texts are not compared, nor the keys in `keys`. */
  readonly differs?: DifferenceName
  readonly keys?: readonly string[]
}

const HEADERS = ['allow', 'content-type', 'location', 'www-authenticate'] as const

let scenarios = 0

/**
 * Asks WarrenMQ, and the RabbitMQ at RABBITMQ_MANAGEMENT_URL where there is one: status, headers, error bodies, and the keys and types of
 * all objects have to be the same, but for the differences that a step names. Both have a vhost `{v}` of the scenario's own.
 */
export function scenario(name: string, steps: readonly Step[]): void {
  const number = ++scenarios
  test(name, async () => {
    const names = { v: `conformance-${number}/${process.pid}`, u: `conformance-${number}-${process.pid}` }
    const ours = await run(await warren(), steps, names)
    for (const [i, step] of steps.entries()) checkOwn(step, ours[i]!)
    if (RABBITMQ === undefined) return
    const theirs = await run(await rabbit(RABBITMQ), steps, names)
    for (const [i, step] of steps.entries()) compare(step, ours[i]!, theirs[i]!)
  })
}

async function run(target: Target, steps: readonly Step[], names: Record<string, string>): Promise<Answer[]> {
  const fill = (text: string): string =>
    text.replaceAll(/\{(v|u|node)\}/g, (_, name: string) =>
      encodeURIComponent(name === 'node' ? target.nodeName : names[name]!),
    )
  const fillBody = (body: unknown): unknown =>
    body === undefined ? undefined : (JSON.parse(fillPlain(JSON.stringify(body))) as unknown)
  const fillPlain = (text: string): string =>
    text.replaceAll(/\{(v|u|node)\}/g, (_, name: string) => (name === 'node' ? target.nodeName : names[name]!))
  const vhost = fill('vhosts/{v}')
  const answers: Answer[] = []
  assert.equal((await target.ask({ method: 'PUT', path: vhost, body: {} })).status, 201)
  try {
    for (const { method, path, body, as, headers } of steps) {
      answers.push(
        await target.ask({
          method,
          path: fill(path),
          ...(body === undefined ? {} : { body: typeof body === 'string' ? body : fillBody(body) }),
          ...(as === undefined ? {} : { as: as === null ? null : fillPlain(as) }),
          ...(headers === undefined ? {} : { headers }),
        }),
      )
    }
  } finally {
    await target.ask({ method: 'DELETE', path: vhost })
    await target.ask({ method: 'DELETE', path: fill('users/{u}') })
  }
  return answers
}

const named = ({ method, path, body }: Step): string =>
  `${method} ${path}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`

function checkOwn(step: Step, { status, text }: Answer): void {
  assert.equal(status, step.status, `${named(step)}: ${text}`)
  if (step.answer !== undefined) assert.partialDeepStrictEqual(JSON.parse(text), step.answer, named(step))
}

function compare(step: Step, ours: Answer, theirs: Answer): void {
  assert.equal(theirs.status, step.rabbitmq ?? step.status, `RabbitMQ: ${named(step)}: ${theirs.text}`)
  if (step.rabbitmq !== undefined) return
  for (const header of HEADERS) {
    if (step.differs === undefined)
      assert.equal(ours.headers[header], theirs.headers[header], `${named(step)}: ${header}`)
  }
  const [mine, other] = [parse(ours.text), parse(theirs.text)]
  if (step.status >= 400 && step.differs === undefined) assert.deepEqual(mine, other, named(step))
  const found = differencesInShape(mine, other).filter((text) => !(step.keys ?? []).some((key) => text.startsWith(key)))
  assert.deepEqual(found, [], named(step))
}

/** What is no JSON is compared as a text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
