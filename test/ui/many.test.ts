import amqplib from 'amqplib'
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page, Response } from 'playwright-core'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openStage, settled, signIn, type Stage, type Window } from './support/stage.ts'

const QUEUES = 10_000
const CONNECTIONS = 1_000
/** Connections that are opened together: a broker has a backlog for those it has not accepted yet. */
const AT_ONCE = 50
/** The most rows that the page asks for and draws at a time. */
const ROWS_MAX = 500

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

  test('the list of queues appears, is filtered, sorted and turned page by page', async () => {
    const { page } = window
    await pageByPage(page, () => goTo(page, '#/queues'))
    const pages = page.getByText(/of 10,007/)
    await pages.waitFor()
    await pageByPage(page, async () => {
      await page.getByRole('searchbox').fill('many.0777')
      await page.getByText('1–1 of 1').waitFor()
    })
    await page.getByRole('searchbox').fill('')
    await pages.waitFor()
    await pageByPage(page, async () => {
      await page.getByRole('button', { name: 'Name' }).click()
      await page.getByRole('button', { name: 'Name' }).click()
      await page.getByRole('link', { name: '订单.通知' }).waitFor()
    })
    await pageByPage(page, async () => {
      await page.getByRole('button', { name: 'Next page' }).click()
      await page.getByText(/^51–100/).waitFor()
    })
  })

  test('500 rows at a time are asked for and drawn, and no more', async () => {
    const { page } = window
    await goTo(page, '#/queues?name=many')
    await page.getByLabel('per page').selectOption('500')
    await page.getByText('1–500 of 10,000').waitFor()
    await pageByPage(page, async () => {
      const answered = page.waitForResponse(/\/api\/queues\?/)
      await page.getByRole('button', { name: 'Refresh now' }).click()
      await answered
      await settled(page)
    })
    await page.getByLabel('per page').selectOption('50')
  })

  test('the list of connections appears and is sorted page by page, too', async () => {
    const { page } = window
    await pageByPage(page, () => goTo(page, '#/connections'))
    await page.getByText(/of 1,003/).waitFor()
    await pageByPage(page, async () => {
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

/** What is done costs the broker and the browser no more than a page of rows, however many there are: counted, as time depends on the machine. */
async function pageByPage(page: Page, act: () => Promise<unknown>): Promise<void> {
  const answers: Promise<number>[] = []
  const count = (response: Response): void => {
    if (response.url().includes('/api/')) answers.push(rowsIn(response))
  }
  page.on('response', count)
  await act()
  page.off('response', count)
  const rows = [...(await Promise.all(answers)), await page.locator('tbody tr').count()]
  assert.ok(Math.max(...rows) > 0, 'nothing was asked for')
  assert.ok(Math.max(...rows) <= ROWS_MAX, `${rows.join()} rows at a time`)
}

async function rowsIn(response: Response): Promise<number> {
  // one that the page no longer waits for has no body
  const answer: unknown = await response.json().catch(() => null)
  const items = (answer as { items?: unknown } | null)?.items ?? answer
  return Array.isArray(items) ? items.length : 0
}
