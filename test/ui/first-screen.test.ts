import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { withoutBrowser } from './support/browser.ts'
import { openStage, signIn, type Stage } from './support/stage.ts'

const MOST_BYTES = 150_000
const MOST_MS = 1000
/** The machine may be busy with something else in some of them. */
const LOOKS = 5

describe('the first screenful', { skip: withoutBrowser }, () => {
  let stage: Stage
  before(async () => {
    stage = await openStage()
  })
  after(() => stage.close())

  test(`is under ${MOST_BYTES / 1000} kB, compressed`, async () => {
    const { page, context } = await stage.open()
    const sizes = new Map<string, number>()
    page.on('response', async (response) => {
      const { pathname } = new URL(response.url())
      if (!pathname.startsWith('/api/')) sizes.set(pathname, gzipSync(await response.body()).length)
    })
    await signIn(page, stage)
    await page.locator('canvas').first().waitFor()
    const total = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    assert.ok(sizes.size >= 4, 'page, styles, scripts and icon were seen')
    assert.ok(total < MOST_BYTES, `${total} bytes: ${JSON.stringify(Object.fromEntries(sizes))}`)
    await context.close()
  })

  test(`is there within ${MOST_MS} ms`, async () => {
    const shownMs: number[] = []
    while (shownMs.length < LOOKS && !shownMs.some((ms) => ms < MOST_MS)) {
      const { page, context } = await stage.open()
      await page.goto(stage.url)
      await page.locator('input[type=password]').waitFor()
      // The browser's own clock: what the test's side takes does not count.
      shownMs.push(await page.evaluate(firstPaint))
      await context.close()
    }
    assert.ok(Math.min(...shownMs) < MOST_MS, `${shownMs.map(Math.round).join(', ')} ms`)
  })

  test('asks nobody else for anything', async () => {
    const { page, context } = await stage.open()
    const strangers: string[] = []
    page.on('request', (request) => {
      if (!request.url().startsWith(stage.url)) strangers.push(request.url())
    })
    await signIn(page, stage)
    assert.deepEqual(strangers, [])
    assert.doesNotMatch(readFileSync(new URL('../../dist/console/index.html', import.meta.url), 'utf8'), /https?:/)
    await context.close()
  })
})

/** Runs in the browser. An element is in the page before it is painted, so that the paint is waited for. */
function firstPaint(): Promise<number> {
  return new Promise((resolve) => {
    const observer = new PerformanceObserver((list) => {
      const paint = list.getEntriesByName('first-contentful-paint')[0]
      if (!paint) return
      observer.disconnect()
      resolve(paint.startTime)
    })
    observer.observe({ type: 'paint', buffered: true })
  })
}
