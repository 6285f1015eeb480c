import assert from 'node:assert/strict'
import { afterEach, after, before, beforeEach, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, isRabbit, openStage, signIn, type Stage, type Window } from './support/stage.ts'

// What is said, and what goes on by itself, when the broker does not answer, was upgraded, or does not know somebody any more.

describe('the console', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  let page: Page
  before(async () => {
    stage = await openStage()
  })
  beforeEach(async () => {
    window = await stage.open()
    page = window.page
    await signIn(page, stage, '#/queues')
  })
  afterEach(() => window.context.close())
  after(() => stage.close())

  const goAway = (): Promise<unknown> => page.route('**/*', (route) => route.abort('connectionrefused'))
  const comeBack = (): Promise<void> => page.unroute('**/*')
  const follow = (name: string): Promise<void> =>
    page.locator('#navigation').getByRole('link', { name, exact: true }).click()

  test('goes on to a page that could not be fetched as soon as the broker is back', async () => {
    await goAway()
    await follow('Exchanges')
    const text = await page.locator('main').getByRole('alert').innerText()
    assert.match(text, /The broker cannot be reached[\s\S]*goes on by itself/)
    assert.doesNotMatch(text, /mistake in the console/)
    await comeBack()
    await page.locator('h1', { hasText: 'Exchanges' }).waitFor()
  })

  test('is loaded anew when a page of it has another name since an upgrade', async () => {
    let missing = 0
    await page.route('**/assets/users-page*.js', (route) =>
      missing++ === 0 ? route.fulfill({ status: 404 }) : route.continue(),
    )
    await page.evaluate(() => Object.assign(globalThis, { isOld: true }))
    await follow('Users')
    await page.locator('h1', { hasText: 'Users' }).waitFor()
    assert.equal(await page.evaluate(() => 'isOld' in globalThis), false)
  })

  test('is not loaded anew again and again for a page that never comes', async () => {
    let loads = 0
    page.on('load', () => loads++)
    await page.route('**/assets/users-page*.js', (route) => route.fulfill({ status: 404 }))
    await follow('Users')
    await page.locator('main').getByText('Something in this page went wrong').waitFor()
    assert.equal(loads, 1)
  })

  test('fills a form in that could not be filled in as soon as the broker is back', async () => {
    await goTo(page, '#/vhosts')
    const limits = '**/api/vhost-limits/**'
    await page.route(limits, (route) => route.abort('connectionrefused'))
    await goTo(page, '#/vhosts/%2F')
    await page.locator('main').getByText('The broker cannot be reached').waitFor()
    await page.unroute(limits)
    await page.getByLabel('Most connections').waitFor()
  })

  test('comes by itself when the broker was down while it was opened', async () => {
    const session = '**/api/session'
    await page.route(session, (route) => route.abort('connectionrefused'))
    await page.reload()
    await page.getByText('The broker cannot be reached').waitFor()
    await page.unroute(session)
    await page.locator('h1', { hasText: 'Queues' }).waitFor()
  })

  test('does not say that somebody has signed out who has not', { skip: isRabbit && 'no sessions' }, async () => {
    await goAway()
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are still signed in: the session could not be ended').waitFor()
    assert.equal(await page.locator('h1').innerText(), 'Queues')
    await comeBack()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
  })

  test('asks for a new sign-in when the session is over', { skip: isRabbit && 'no sessions' }, async () => {
    const { vhost } = stage.scene
    await page.evaluate(() => localStorage.setItem('warren.refresh', '2'))
    await page.reload()
    await goTo(page, `#/queues/${encodeURIComponent(vhost)}/orders.mail`)
    await window.context.clearCookies()
    await page.getByText('The session is over').waitFor()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
  })

  test('shows neither figures nor actions of a queue that is gone', async () => {
    const vhost = encodeURIComponent(stage.scene.vhost)
    await ask(stage.apiUrl, 'PUT', `queues/${vhost}/short-lived`, {})
    await goTo(page, `#/queues/${vhost}/short-lived`)
    await page.getByRole('button', { name: 'Purge' }).waitFor()
    await ask(stage.apiUrl, 'DELETE', `queues/${vhost}/short-lived`)
    await page.getByRole('button', { name: 'Refresh now' }).click()
    await page.locator('main').getByText('It does not exist (any more)').first().waitFor()
    assert.equal(
      await page
        .locator('main')
        .getByRole('button', { name: /Pause|Purge|Delete/ })
        .count(),
      0,
    )
    assert.equal(await page.locator('main .card').count(), 0)
  })

  for (const [list, heading] of [
    ['queues', 'Queues'],
    ['consumers', 'Consumers'],
  ] as const) {
    test(`goes to the last page of ${list} where there are not so many`, async () => {
      await goTo(page, '#/')
      await goTo(page, `#/${list}?page=999`)
      await page.locator('h1', { hasText: heading }).waitFor()
      await page.locator('tbody tr').first().waitFor()
      assert.equal(await page.getByRole('alert').count(), 0)
      assert.doesNotMatch(page.url(), /page=/)
    })
  }
})
