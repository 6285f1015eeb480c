import type { BrowserContext, Page } from 'playwright-core'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureConsole } from '../../../tools/console.ts'
import { startTestBroker } from '../../support/with-broker.ts'
import { launchBrowser } from './browser.ts'
import { serveConsole } from './console-server.ts'
import { openScene, type Scene } from './scene.ts'

const CONSOLE = fileURLToPath(new URL('../../../dist/console', import.meta.url))

/** Whether the tests run against a RabbitMQ, which cannot do all that is tested. */
export const isRabbit = process.env['RABBITMQ_URL'] !== undefined

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
  /** By its name; UTC where it is left out. */
  readonly timeZone?: string
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
  const browser = await launchBrowser()
  return {
    url: broker.url,
    amqpUrl: broker.amqpUrl,
    apiUrl: broker.apiUrl,
    scene,
    open: async ({ language = 'en', theme = 'light', timeZone = 'UTC', width = 1280, height = 900 } = {}) => {
      const context = await browser.newContext({
        viewport: { width, height },
        colorScheme: theme,
        locale: language === 'zh' ? 'zh-CN' : 'en-GB',
        timezoneId: timeZone,
        reducedMotion: 'reduce',
      })
      const page = await context.newPage()
      page.setDefaultTimeout(PATIENCE_MS)
      return { page, context, complaints: listen(page) }
    },
    close: async () => {
      await browser.close()
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

/**
 * A stage with one window, in which guest has signed in.
 * @param address of the page, or what tells it when the stage is there and everything the page needs
 * @returns with them the stage's virtual host, encoded for an address
 */
export async function openSignedIn(
  address: string | ((stage: Stage, vhost: string) => Promise<string>) = '#/',
): Promise<{ stage: Stage; window: Window; vhost: string }> {
  const stage = await openStage()
  try {
    const vhost = encodeURIComponent(stage.scene.vhost)
    const page = typeof address === 'string' ? address : await address(stage, vhost)
    const window = await stage.open()
    await signIn(window.page, stage, page)
    return { stage, window, vhost }
  } catch (error) {
    await stage.close()
    throw error
  }
}

/** Opens the console, signs in, and waits until the page is there. @param user whose password is the same */
export async function signIn(page: Page, stage: Stage, address = '#/', user = 'guest'): Promise<void> {
  await page.goto(stage.url + address)
  await page.locator('input[autocomplete=username]').fill(user)
  await page.locator('input[type=password]').fill(user)
  await page.keyboard.press('Enter')
  await page.locator('main#content h1').waitFor()
  await settled(page)
}

/** Goes to another page of the console by its address, without loading it anew. What was filled in may be lost. */
export async function goTo(page: Page, address: string): Promise<void> {
  await page.evaluate((hash) => {
    location.hash = hash
  }, address)
  await page.waitForFunction(
    (wanted) => {
      const dialog = document.querySelector('dialog[open]')
      const asks = /Leave this page\?|离开此页面？/.test(dialog?.querySelector('h2')?.textContent ?? '')
      if (asks) dialog!.querySelector<HTMLElement>('button[type=submit]')!.click()
      return document.querySelector('main [data-path]')?.getAttribute('data-path') === wanted
    },
    address.replace(/^#|\?.*$/g, ''),
  )
  await settled(page)
}

/** Until everything that was asked for when the page appeared has been answered. */
export async function settled(page: Page): Promise<void> {
  await page.waitForFunction(() => document.querySelector('[data-loading], [aria-busy="true"]') === null)
}

interface OpenBroker {
  readonly amqpUrl: string
  /** Ends in `/api`. */
  readonly apiUrl: string
  /** Of the console; ends in a slash. */
  readonly url: string
  readonly stop: () => Promise<void>
}

/** A broker of ours, which serves the console; or the RabbitMQ that RABBITMQ_URL names, with the console in front of it. */
async function openBroker(): Promise<OpenBroker> {
  const { RABBITMQ_URL: amqpUrl, RABBITMQ_MANAGEMENT_URL: management = 'http://localhost:15672' } = process.env
  if (amqpUrl !== undefined) {
    const apiUrl = `${management.replace(/\/$/, '')}/api`
    const { url, close } = await serveConsole(CONSOLE, apiUrl)
    return { amqpUrl, apiUrl, url, stop: close }
  }
  const traces = await mkdtemp(join(tmpdir(), 'warren-console-'))
  const { server, url } = await startTestBroker({ flags: ['--tracing-dir', traces] })
  const http = server.urls.http[0]!.replace(/\/$/, '')
  const stop = async (): Promise<void> => {
    await server.stop('test')
    await rm(traces, { recursive: true, force: true })
  }
  return { amqpUrl: url, apiUrl: `${http}/api`, url: `${http}/`, stop }
}
