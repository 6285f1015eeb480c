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
}

const PICTURES: readonly Picture[] = [
  { name: 'overview', address: () => '#/' },
  { name: 'queues', address: () => '#/queues?sort=messages&reverse', theme: 'dark' },
  { name: 'queue', address: (vhost) => `#/queues/${vhost}/orders.billing` },
  { name: 'declare', address: () => '#/queues/new' },
  { name: 'overview-zh-narrow', address: () => '#/', language: 'zh', width: 390, height: 844, theme: 'dark' },
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

async function take(from: Stage, { name, address, ...options }: Picture): Promise<void> {
  const { page, context } = await from.open({ height: 800, ...options })
  await page.addInitScript(() => localStorage.setItem('warren.chart-range', '60'))
  await signIn(page, from)
  await goTo(page, address(encodeURIComponent(from.scene.vhost)))
  if (name === 'declare') await openGroups(page)
  // Playwright knows no WebP; the browser does.
  const session = await context.newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: QUALITY })
  const file = join(TARGET, `${name}.webp`)
  writeFileSync(file, Buffer.from(data, 'base64'))
  console.log(`${file}: ${Math.round((data.length * 3) / 4096)} KiB`)
  await context.close()
}

async function openGroups(page: Page): Promise<void> {
  for (const summary of await page.locator('.argument-group summary').all()) {
    if (/Dead letters|Retry/.test(await summary.innerText())) await summary.click()
  }
}
