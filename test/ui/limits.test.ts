import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, openSignedIn, type Stage, type Window } from './support/stage.ts'

describe('limits', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  const user = `limited ${process.pid}`
  before(async () => {
    ;({ stage, window } = await openSignedIn(async (opened) => {
      await ask(opened.apiUrl, 'PUT', `users/${encodeURIComponent(user)}`, { password: 'x', tags: '' })
      return '#/limits'
    }))
  })
  after(async () => {
    await ask(stage.apiUrl, 'DELETE', `users/${encodeURIComponent(user)}`)
    await stage.close()
  })

  /** What the page sends from now on to change something. */
  const changesOf = (page: Page): (() => readonly string[]) => {
    const sent: string[] = []
    page.on('request', (request) => {
      if (request.method() !== 'GET') sent.push(`${request.method()} ${request.url().split('/api/')[1]!}`)
    })
    return () => sent
  }

  const limitsOf = async (resource: string): Promise<unknown> =>
    ((await ask(stage.apiUrl, 'GET', resource)) as { value: object }[])[0]?.value ?? {}

  test('of a virtual host are set and taken away', async () => {
    const { page } = window
    const url = `vhost-limits/${encodeURIComponent(stage.scene.vhost)}`
    await page.getByText('Limit a virtual host').click()
    await page.locator('main').getByLabel('Virtual host', { exact: true }).selectOption(stage.scene.vhost)
    await page.getByLabel('Limit', { exact: true }).selectOption('max-queues')
    await page.getByLabel('Value').fill('40')
    await page.getByRole('button', { name: 'Set limit' }).click()
    const row = page.getByRole('row', { name: new RegExp(`${process.pid}.*Most queues`) })
    await row.waitFor()
    assert.match(await row.innerText(), /40/)
    assert.deepEqual(await limitsOf(url), { 'max-queues': 40 })
    await row.getByRole('button', { name: /Take away/ }).click()
    await row.waitFor({ state: 'detached' })
    assert.deepEqual(await limitsOf(url), {})
  })

  test('are refused where they are none', async () => {
    const { page } = window
    await goTo(page, `#/users/${encodeURIComponent(user)}`)
    const form = page.getByRole('region', { name: 'Limits' })
    for (const value of ['-5', '1.5']) {
      await form.getByLabel('Most connections').fill(value)
      await form.getByText('A limit is a whole number from 0 on, or -1 for none.').waitFor()
      await form.getByRole('button', { name: 'Save limits' }).click()
      assert.equal(await form.getByLabel('Most connections').evaluate((input) => input.matches(':focus')), true)
    }
    assert.deepEqual(await limitsOf(`user-limits/${encodeURIComponent(user)}`), {})
  })

  test('stay as they are when what is typed is no number', async () => {
    const { page } = window
    const url = `user-limits/${encodeURIComponent(user)}`
    await ask(stage.apiUrl, 'PUT', `${url}/max-channels`, { value: 50 })
    const sent = changesOf(page)
    await goTo(page, '#/limits')
    await goTo(page, `#/users/${encodeURIComponent(user)}`)
    const form = page.getByRole('region', { name: 'Limits' })
    const input = form.getByLabel('Most channels')
    await form.getByLabel('Most connections').fill('7')
    await input.click()
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.type('6-')
    await page.keyboard.press('Enter')
    // had it been sent, it would be there before what is sent next
    await input.fill('60')
    await form.getByRole('button', { name: 'Save limits' }).click()
    await page.getByText('Limits saved').waitFor()
    assert.deepEqual(sent(), [`PUT ${url}/max-connections`, `PUT ${url}/max-channels`])
    await ask(stage.apiUrl, 'DELETE', `${url}/max-channels`)
    await ask(stage.apiUrl, 'DELETE', `${url}/max-connections`)
    await goTo(page, '#/limits')
  })

  test('of a user are set', async () => {
    const { page } = window
    await page.getByText('Limit a user').click()
    await page.getByLabel('User', { exact: true }).fill(user)
    const form = page.locator('form', { has: page.getByLabel('User', { exact: true }) })
    await form.getByLabel('Value').fill('-1')
    await form.getByRole('button', { name: 'Set limit' }).click()
    await page.getByRole('row', { name: new RegExp(`${user}.*Most connections.*any number`) }).waitFor()
    assert.deepEqual(await limitsOf(`user-limits/${encodeURIComponent(user)}`), { 'max-connections': -1 })
    assert.deepEqual(window.complaints, [])
  })
})
