import amqplib from 'amqplib'
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openStage, settled, signIn, type Stage, type Window } from './support/stage.ts'

const QUEUES = 10_000
const CONNECTIONS = 1_000
/** Connections that are opened together: a broker has a backlog for those it has not accepted yet. */
const AT_ONCE = 50
/** What people wait for without wondering, on a machine that does other things besides. */
const PATIENCE_MS = 2_000
/** The longest that the page may not answer to anything. */
const STUCK_MS = 500

const skip = withoutBrowser || (isRabbit && 'too much for a RabbitMQ that others use')

describe(`with ${QUEUES} queues and ${CONNECTIONS} connections`, { skip }, () => {
  let stage: Stage
  let window: Window
  const clients: amqplib.ChannelModel[] = []
  before(async () => {
    stage = await openStage()
    await declareMany(stage)
    const url = `${stage.amqpUrl}/${encodeURIComponent(stage.scene.vhost)}`
    while (clients.length < CONNECTIONS) {
      clients.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => amqplib.connect(url)))))
    }
    window = await stage.open()
    await signIn(window.page, stage)
    await window.page.evaluate(watchForStandstill)
  })
  after(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await stage.close()
  })

  test('the overview counts them', async () => {
    const { page } = window
    await goTo(page, '#/')
    await page
      .getByRole('link', { name: /Queues/ })
      .getByText('10,007')
      .waitFor()
  })

  test('the list of queues appears, is filtered, sorted and turned at once', async () => {
    const { page } = window
    await within('appears', () => goTo(page, '#/queues'))
    const pages = page.getByText(/of 10,007/)
    await pages.waitFor()
    await within('filters', async () => {
      await page.getByRole('searchbox').fill('many.0777')
      await page.getByText('1–1 of 1').waitFor()
    })
    await page.getByRole('searchbox').fill('')
    await pages.waitFor()
    await within('sorts', async () => {
      await page.getByRole('button', { name: 'Name' }).click()
      await page.getByRole('button', { name: 'Name' }).click()
      await page.getByRole('link', { name: '订单.通知' }).waitFor()
    })
    await within('turns', async () => {
      await page.getByRole('button', { name: 'Next page' }).click()
      await page.getByText(/^51–100/).waitFor()
    })
  })

  test('500 rows at a time do not hold the page up', async () => {
    const { page } = window
    await goTo(page, '#/queues?name=many')
    await page.getByLabel('per page').selectOption('500')
    await page.getByText('1–500 of 10,000').waitFor()
    await within('refreshes', async () => {
      const answered = page.waitForResponse(/\/api\/queues\?/)
      await page.getByRole('button', { name: 'Refresh now' }).click()
      await answered
      await settled(page)
    })
    await page.getByLabel('per page').selectOption('50')
    const longest = await longestStandstill(page)
    assert.ok(longest < STUCK_MS, `the page stood still for ${Math.round(longest)} ms`)
  })

  test('the list of connections is quick, too', async () => {
    const { page } = window
    await within('appears', () => goTo(page, '#/connections'))
    await page.getByText(/of 1,003/).waitFor()
    await within('sorts', async () => {
      await page.getByRole('button', { name: 'From client' }).click()
      await page.locator('th[aria-sort=descending]').waitFor()
      await settled(page)
    })
    assert.deepEqual(window.complaints, [])
  })
})

async function declareMany({ apiUrl, scene }: Stage): Promise<void> {
  const queues = Array.from({ length: QUEUES }, (_, i) => ({
    name: `many.${String(i).padStart(4, '0')}`,
    vhost: scene.vhost,
    durable: true,
    auto_delete: false,
    arguments: {},
  }))
  await ask(apiUrl, 'POST', 'definitions', { queues })
}

async function within(what: string, act: () => Promise<unknown>): Promise<void> {
  const start = performance.now()
  await act()
  const took = Math.round(performance.now() - start)
  assert.ok(took < PATIENCE_MS, `${what} after ${took} ms`)
}

/** Runs in the page: notes the longest task in which nothing else could happen. */
function watchForStandstill(): void {
  const watched = globalThis as unknown as { longest: number }
  watched.longest = 0
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) watched.longest = Math.max(watched.longest, duration)
  }).observe({ entryTypes: ['longtask'] })
}

const longestStandstill = (page: Page): Promise<number> =>
  page.evaluate(() => (globalThis as unknown as { longest: number }).longest)
