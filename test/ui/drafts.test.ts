import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { withoutBrowser } from './support/browser.ts'
import { goTo, openSignedIn, type Stage } from './support/stage.ts'

describe('a form that was begun', { skip: withoutBrowser }, () => {
  let stage: Stage
  let page: Page
  let vhost = ''
  let complaints: readonly string[]
  before(async () => {
    const opened = await openSignedIn('#/queues')
    ;({ stage, vhost } = opened)
    ;({ page, complaints } = opened.window)
  })
  beforeEach(() => goTo(page, '#/queues/new'))
  after(() => stage.close())

  const name = () => page.locator('main').getByLabel('Name', { exact: true })
  const question = () => page.getByRole('dialog', { name: 'Leave this page?' })
  const untilAt = (hash: string): Promise<unknown> => page.waitForFunction((wanted) => location.hash === wanted, hash)

  test('is kept when whoever follows a link would rather stay, and lost after a question', async () => {
    await name().fill('half')
    await page.locator('#navigation').getByRole('link', { name: 'Exchanges' }).click()
    await question().getByRole('button', { name: 'Cancel' }).click()
    await untilAt('#/queues/new')
    assert.equal(await name().inputValue(), 'half')
    await page.locator('#navigation').getByRole('link', { name: 'Exchanges' }).click()
    await question().getByRole('button', { name: 'Leave' }).click()
    await page.locator('h1', { hasText: 'Exchanges' }).waitFor()
    await page.goBack()
    await page.locator('h1', { hasText: 'Declare a queue' }).waitFor()
    assert.equal(await question().count(), 0)
  })

  test('is asked about when the browser goes back', async () => {
    await name().fill('half')
    await page.goBack()
    await question().waitFor()
    await page.keyboard.press('Escape')
    await untilAt('#/queues/new')
    assert.equal(await name().inputValue(), 'half')
    await page.goBack()
    await question().getByRole('button', { name: 'Leave' }).click()
    await page.locator('h1', { hasText: 'Declare a queue' }).waitFor({ state: 'detached' })
  })

  test('is asked about by the browser when the whole page goes', async () => {
    await name().fill('half')
    const [dialog] = await Promise.all([page.waitForEvent('dialog'), page.close({ runBeforeUnload: true })])
    assert.equal(dialog.type(), 'beforeunload')
    await dialog.dismiss()
    assert.equal(await name().inputValue(), 'half')
    await page.evaluate(() => (location.hash = '#/queues'))
    await question().getByRole('button', { name: 'Leave' }).click()
    await page.locator('h1', { hasText: /^Queues$/ }).waitFor()
  })

  test('is none any more once it was sent', async () => {
    await page.locator('main').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
    await name().fill('whole')
    await page.getByRole('button', { name: 'Declare a queue' }).click()
    await page.locator('h1', { hasText: 'whole' }).waitFor()
    await goTo(page, `#/queues/${vhost}/whole/publish`)
    await page.getByLabel('Payload', { exact: true }).fill('x')
    await page.getByRole('button', { name: 'Publish', exact: true }).click()
    await page.getByText('Published and routed').waitFor()
    await page.getByRole('link', { name: 'Messages', exact: true }).first().click()
    await page.getByLabel('Routing key').fill('looked for')
    await page.locator('#navigation').getByRole('link', { name: 'Exchanges' }).click()
    await page.locator('h1', { hasText: 'Exchanges' }).waitFor()
    assert.deepEqual(complaints, [])
  })
})
