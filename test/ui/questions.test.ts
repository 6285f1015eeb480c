import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { withoutBrowser } from './support/browser.ts'
import { goTo, openSignedIn, type Stage, type Window } from './support/stage.ts'

describe('a question that is open', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn('#/policies'))
  })
  after(() => stage.close())

  const remove = (page: Page) => page.locator('.page-header').getByRole('button', { name: 'Delete' })
  const ofDeletion = (page: Page) => page.getByRole('dialog', { name: 'Delete the policy bounded?' })

  test('goes with its page when the browser goes back', async () => {
    const { page } = window
    await goTo(page, `#/policies/${vhost}/bounded`)
    await remove(page).click()
    await ofDeletion(page).waitFor()
    await page.goBack()
    await page.locator('h1', { hasText: 'Policies' }).waitFor()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
  })

  test('makes way for another, and can be asked again', async () => {
    const { page } = window
    await goTo(page, `#/policies/${vhost}/bounded`)
    await page.getByLabel('Priority').fill('7')
    await remove(page).click()
    await ofDeletion(page).waitFor()
    await page.goBack()
    await page.getByRole('dialog', { name: 'Leave this page?' }).waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await remove(page).click()
    await ofDeletion(page).getByRole('button', { name: 'Cancel' }).click()
    assert.equal(await page.getByLabel('Priority').inputValue(), '7')
    assert.deepEqual(window.complaints, [])
  })
})
