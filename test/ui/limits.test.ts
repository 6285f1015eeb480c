import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
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
