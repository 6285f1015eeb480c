import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { eventually } from '../support/with-broker.ts'
import { withoutBrowser } from './support/browser.ts'
import { goTo, openSignedIn, type Stage, type Window } from './support/stage.ts'

describe('settings', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    ;({ stage, window } = await openSignedIn())
  })
  after(() => stage.close())

  const background = (page: Page): Promise<string> =>
    page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor)

  test('the appearance follows the system until one is chosen', async () => {
    const { page } = window
    const light = await background(page)
    await page.emulateMedia({ colorScheme: 'dark' })
    await eventually(async () => (await background(page)) !== light)
    const dark = await background(page)
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByLabel('Appearance').selectOption('light')
    assert.equal(await background(page), light)
    await page.getByLabel('Appearance').selectOption('system')
    assert.equal(await background(page), dark)
    await page.keyboard.press('Escape')
    await page.emulateMedia({ colorScheme: 'light' })
  })

  test('the language changes at once, the page staying as it is', async () => {
    const { page } = window
    await goTo(page, '#/queues/new')
    await page.getByLabel('Name', { exact: true }).fill('kept')
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByLabel('Language').selectOption('zh')
    assert.equal(await page.locator('h1').innerText(), '声明队列')
    assert.equal(await page.getByLabel('名称', { exact: true }).inputValue(), 'kept')
    assert.match(await page.title(), /声明队列/)
    await page.getByLabel('语言').selectOption('en')
    await page.keyboard.press('Escape')
    assert.equal(await page.locator('h1').innerText(), 'Declare a queue')
  })

  test('a chosen virtual host narrows the lists', async () => {
    const { page } = window
    await goTo(page, '#/exchanges')
    const choice = page.getByRole('banner').getByLabel('Virtual host')
    await choice.selectOption({ label: stage.scene.vhost })
    await page.getByRole('link', { name: 'orders', exact: true }).waitFor()
    // the list of before is shown until the new one is there
    await eventually(async () => {
      const names = await page.locator('tbody tr td:nth-child(2)').allInnerTexts()
      return names.length > 0 && names.every((name) => name === stage.scene.vhost)
    })
    await choice.selectOption({ index: 0 })
  })

  test('everything in the settings can be reached and left by keyboard', async () => {
    const { page } = window
    const button = page.getByRole('button', { name: 'Settings' })
    await button.focus()
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement!.getAttribute('aria-label')), 'Refresh')
    await page.keyboard.press('Escape')
    assert.equal(await page.evaluate(() => document.activeElement!.getAttribute('aria-label')), 'Settings')
    assert.equal(await button.getAttribute('aria-expanded'), 'false')
  })
})
