import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { openDelays } from './support/delays.ts'
import { openLinks } from './support/links.ts'
import { accessibilityFaults, layoutFaults } from './support/looks.ts'
import { consolePages } from './support/pages.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openStage, settled, signIn, type Stage, type Window } from './support/stage.ts'

// Walks every page in both languages, wide and narrow, light and dark, and looks for what nobody should meet.

const WIDTHS = [1280, 390] as const
const THEMES = ['light', 'dark'] as const
/** What axe looks at that another theme changes. */
const RULES_OF_COLOURS = ['color-contrast', 'link-in-text-block']

describe('every page', { skip: withoutBrowser }, () => {
  let stage: Stage
  const windows = new Map<string, Window>()

  before(async () => {
    stage = await openStage()
    await stage.scene.publish(40)
    await openLinks(stage)
    if (!isRabbit) await openDelays(stage)
    for (const language of ['en', 'zh'] as const) {
      const window = await stage.open({ language })
      windows.set(language, window)
      await signIn(window.page, stage)
    }
  })

  after(() => stage.close())

  // some hundred looks at pages, each about a second: more than a busy machine has done after the usual time
  test('fits the window, reads well and complains of nothing', { timeout: 900_000 }, async (t) => {
    const { node, connection } = await subjects(stage)
    for (const { name, address } of consolePages(stage.scene, node, connection)) {
      for (const [language, window] of windows) {
        await t.test(`${name}, ${language}`, () => examine(window, address))
      }
    }
  })

  for (const language of ['en', 'zh'] as const) {
    test(`menus and dialogs fit the window, too, ${language}`, async () => {
      const { page, complaints } = windows.get(language)!
      const faults: string[] = []
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 })
        await goTo(page, '#/')
        await goTo(page, '#/queues')
        if (width === 390) faults.push(...(await lookWhileOpen(page, '.layout-menu')))
        faults.push(...(await lookWhileOpen(page, '.toolbar .menu > button')))
        faults.push(...(await lookWhileOpen(page, '.table-tools .menu > button')))
        await page.locator('thead input[type=checkbox]').check()
        await page.locator('.table-picked button').last().click()
        await page.getByRole('dialog').waitFor()
        faults.push(...(await layoutFaults(page, 'dialog')), ...(await accessibilityFaults(page)))
        await page.keyboard.press('Escape')
      }
      assert.deepEqual(faults, [])
      assert.deepEqual(complaints, [])
    })
  }

  test('is in the language that the browser asks for', async () => {
    const navigation = (language: string): Promise<string> =>
      windows.get(language)!.page.locator('#navigation').innerText()
    assert.match(await navigation('en'), /Queues/)
    assert.match(await navigation('zh'), /队列/)
  })
})

async function examine({ page, complaints }: Window, address: string): Promise<void> {
  await goTo(page, address)
  const faults: string[] = []
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme })
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 })
      await settled(page)
      const where = `${width} px, ${theme}: `
      faults.push(...(await layoutFaults(page)).map((fault) => where + fault))
      const rules = theme === THEMES[0] ? undefined : RULES_OF_COLOURS
      faults.push(...(await accessibilityFaults(page, rules)).map((fault) => where + fault))
    }
  }
  assert.deepEqual(faults, [])
  assert.deepEqual(complaints, [])
}

/** Opens what the button opens, looks, and closes it again. */
async function lookWhileOpen(page: Page, button: string): Promise<string[]> {
  await page.locator(button).click()
  const part = button === '.layout-menu' ? '#navigation' : '.menu-panel'
  const faults = [...(await layoutFaults(page, part)), ...(await accessibilityFaults(page))]
  await page.locator(button).click()
  return faults
}

/** A node and a connection that there are, for the pages about one. */
async function subjects({ apiUrl, scene }: Stage): Promise<{ node: string; connection: string }> {
  const { node } = (await ask(apiUrl, 'GET', 'overview')) as { node: string }
  // Statistics may come a moment after the connection.
  const connection = await eventually(async () => {
    const all = (await ask(apiUrl, 'GET', `vhosts/${encodeURIComponent(scene.vhost)}/connections`)) as {
      name: string
      state?: string
    }[]
    return all.find(({ state }) => state === 'running')?.name
  })
  return { node, connection }
}
