// Takes the pictures in docs/images: the console with a shop in it, as test/ui/support/scene.ts makes it. Look at them
// before you commit them.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { goTo, openStage, signIn, type Stage, type WindowOptions } from '../test/ui/support/stage.ts'

const TARGET = join(dirname(dirname(fileURLToPath(import.meta.url))), 'docs', 'images')
/** Enough that letters stay sharp, at a fifth of the size of PNG. */
const QUALITY = 82
/** So long that the charts have something to show. */
const WARM_UP_MS = 75_000
const ROUND_MS = 250

interface Picture extends WindowOptions {
  readonly name: string
  readonly address: (vhost: string) => string
  /** What is done on the page first. */
  readonly before?: (page: Page) => Promise<void>
}

const NARROW = { width: 390, height: 844 } as const

const PICTURES: readonly Picture[] = [
  { name: 'overview', address: () => '#/' },
  { name: 'queues', address: () => '#/queues?sort=messages&reverse', theme: 'dark' },
  { name: 'queue', address: (vhost) => `#/queues/${vhost}/orders.billing` },
  { name: 'declare', address: () => '#/queues/new', before: openGroups },
  { name: 'messages', address: (vhost) => `#/queues/${vhost}/audit.trail/messages` },
  { name: 'change', address: (vhost) => `#/queues/${vhost}/audit.trail/change`, before: askForChange },
  { name: 'topology', address: () => '#/topology', theme: 'dark', before: chooseShop },
  { name: 'connections-zh', address: () => '#/connections', language: 'zh' },
  { name: 'routing', address: () => '#/route', before: askForRoute },
  { name: 'policy', address: (vhost) => `#/policies/${vhost}/bounded` },
  {
    name: 'change-narrow',
    address: (vhost) => `#/queues/${vhost}/audit.trail/change`,
    ...NARROW,
    before: askForChange,
  },
  { name: 'overview-zh-narrow', address: () => '#/', ...NARROW, language: 'zh', theme: 'dark' },
]

const stage = await openStage()
try {
  await keepBusy(stage, WARM_UP_MS)
  mkdirSync(TARGET, { recursive: true })
  for (const picture of PICTURES) await take(stage, picture)
} finally {
  await stage.close()
}

/** Sells on, now more and now less. */
async function keepBusy({ scene }: Stage, forMs: number): Promise<void> {
  const end = Date.now() + forMs
  for (let round = 0; Date.now() < end; round++) {
    await scene.publish(20 + Math.round(12 * Math.sin(round / 15) + 6 * Math.random()))
    await new Promise((resolve) => setTimeout(resolve, ROUND_MS))
  }
}

async function take(from: Stage, { name, address, before, ...options }: Picture): Promise<void> {
  const { page, context } = await from.open({ height: 800, ...options })
  await page.addInitScript(() => localStorage.setItem('warren.chart-range', '60'))
  await signIn(page, from)
  await goTo(page, address(encodeURIComponent(from.scene.vhost)))
  await before?.(page)
  // Playwright knows no WebP; the browser does.
  const session = await context.newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY })
  const file = join(TARGET, `${name}.webp`)
  writeFileSync(file, Buffer.from(data, 'base64'))
  console.log(`${file}: ${Math.round((data.length * 3) / 4096)} KiB`)
  await context.close()
}

/** Fills in a change, and lets the broker say what it comes to. */
async function askForChange(page: Page): Promise<void> {
  await page.locator('main').getByLabel('Type', { exact: true }).selectOption('quorum')
  await page.locator('.argument-group summary').first().click()
  await page.getByLabel('Most messages', { exact: true }).fill('1000')
  await page.locator('section', { hasText: 'What it comes to' }).getByRole('row', { name: 'x-max-length' }).waitFor()
  await page.locator('section', { hasText: 'What it comes to' }).scrollIntoViewIfNeeded()
}

async function chooseShop(page: Page): Promise<void> {
  await page.locator('main').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
  await page.locator('svg title', { hasText: 'Queue orders.billing' }).first().waitFor({ state: 'attached' })
}

async function askForRoute(page: Page): Promise<void> {
  await page.locator('main').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
  await page.getByLabel('Exchange', { exact: true }).fill('orders')
  await page.getByLabel('Routing key').fill('order.placed.eu')
  await page.getByRole('button', { name: 'Explain' }).click()
  await page.getByRole('region', { name: 'Bindings of orders' }).waitFor()
}

async function openGroups(page: Page): Promise<void> {
  for (const summary of await page.locator('.argument-group summary').all()) {
    if (/Dead letters|Retry/.test(await summary.innerText())) await summary.click()
  }
}
