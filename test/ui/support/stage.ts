import type { BrowserContext, Page } from 'playwright-core'
import { fileURLToPath } from 'node:url'
import { ensureConsole } from '../../../tools/console.ts'
import { launchBrowser } from './browser.ts'
import { serveConsole } from './console-server.ts'
import { openScene, type Scene } from './scene.ts'

const CONSOLE = fileURLToPath(new URL('../../../dist/console', import.meta.url))

/** On a machine that has other things to do, too. */
const PATIENCE_MS = 20_000

/** A browser, a broker with something going on in it, and the console between them. */
export interface Stage {
  readonly url: string
  readonly amqpUrl: string
  /** Ends in `/api`. */
  readonly apiUrl: string
  readonly scene: Scene
  /** A browser window of its own, with nothing remembered. */
  readonly open: (options?: WindowOptions) => Promise<Window>
  readonly close: () => Promise<void>
}

export interface WindowOptions {
  readonly language?: 'en' | 'zh'
  readonly theme?: 'light' | 'dark'
  readonly width?: number
  readonly height?: number
}

export interface Window {
  readonly page: Page
  readonly context: BrowserContext
  /** What the page complained about since it was opened. Empty in a console that works. */
  readonly complaints: readonly string[]
}

export async function openStage(): Promise<Stage> {
  await ensureConsole()
  const broker = await openBroker()
  const scene = await openScene({ ...broker, vhost: `console tests/${process.pid}` })
  const server = await serveConsole(CONSOLE, broker.apiUrl)
  const browser = await launchBrowser()
  return {
    url: server.url,
    amqpUrl: broker.amqpUrl,
    apiUrl: broker.apiUrl,
    scene,
    open: async ({ language = 'en', theme = 'light', width = 1280, height = 900 } = {}) => {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: theme,
        locale: language === 'zh' ? 'zh-CN' : 'en-GB',
        timezoneId: 'UTC',
        reducedMotion: 'reduce',
      })
      const page = await context.newPage()
      page.setDefaultTimeout(PATIENCE_MS)
      return { page, context, complaints: listen(page) }
    },
    close: async () => {
      await browser.close()
      await server.close()
      await scene.stop()
      await broker.stop()
    },
  }
}

/** Errors of scripts, of the content policy, of loading. What the API refuses is the API's answer, and no error of the page. */
function listen(page: Page): readonly string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    const isRefusal = /Failed to load resource/.test(message.text()) && message.location().url.includes('/api/')
    if (['error', 'warning'].includes(message.type()) && !isRefusal) complaints.push(message.text())
  })
  return complaints
}

/** Opens the console, signs in as guest, and waits until the page is there. */
export async function signIn(page: Page, stage: Stage, address = '#/'): Promise<void> {
  await page.goto(stage.url + address)
  await page.locator('input[autocomplete=username]').fill('guest')
  await page.locator('input[type=password]').fill('guest')
  await page.keyboard.press('Enter')
  await page.locator('main#content h1').waitFor()
  await settled(page)
}

/** Goes to another page of the console by its address, without loading it anew. */
export async function goTo(page: Page, address: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash
  }, address)
  await page.waitForFunction(
    (wanted) => document.querySelector('main [data-path]')?.getAttribute('data-path') === wanted,
    address.replace(/^#|\?.*$/g, ''),
  )
  await settled(page)
}

/** Until everything that was asked for when the page appeared has been answered. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[data-loading], [aria-busy="true"]') === null)
}

async function openBroker(): Promise<{ amqpUrl: string; apiUrl: string; stop: () => Promise<void> }> {
  const amqpUrl = process.env['RABBITMQ_URL'] ?? 'amqp://guest:guest@localhost:5673'
  const apiUrl = process.env['RABBITMQ_MANAGEMENT_URL'] ?? 'http://127.0.0.1:15673/api'
  return { amqpUrl, apiUrl, stop: async () => {} }
}
