import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, openSignedIn, type Stage, type Window } from './support/stage.ts'

describe('by keyboard alone', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  const gone = `passing ${process.pid}`
  before(async () => {
    ;({ stage, window } = await openSignedIn(async (opened) => {
      await ask(opened.apiUrl, 'PUT', `users/${encodeURIComponent(gone)}`, { password: 'x', tags: '' })
      for (const vhost of ['/', opened.scene.vhost]) {
        const resource = `permissions/${encodeURIComponent(vhost)}/${encodeURIComponent(gone)}`
        await ask(opened.apiUrl, 'PUT', resource, { configure: '', write: '', read: '' })
      }
      return `#/users/${encodeURIComponent(gone)}`
    }))
  })
  after(async () => {
    await ask(stage.apiUrl, 'DELETE', `users/${encodeURIComponent(gone)}`)
    await stage.close()
  })

  test('a dialog that is left gives the focus back to what opened it', async () => {
    const { page } = window
    const button = page.getByRole('button', { name: 'Delete' })
    await button.press('Enter')
    await page.getByRole('dialog').waitFor()
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    assert.equal(await button.evaluate((element) => element === document.activeElement), true)
  })

  test('where a row goes that had the focus, the table has it, and at last the heading', async () => {
    const { page } = window
    const card = page.getByRole('region', { name: 'Permissions', exact: true })
    const table = card.getByRole('region')
    const clear = async (): Promise<void> => {
      await table.getByRole('button', { name: 'Clear: ' }).first().press('Enter')
      await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).press('Enter')
    }
    await table.getByRole('row').nth(2).waitFor()
    await clear()
    await table.getByRole('row').nth(2).waitFor({ state: 'detached' })
    assert.equal(await table.evaluate((element) => element === document.activeElement), true)
    await clear()
    await table.waitFor({ state: 'detached' })
    assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'H1')
  })

  test('the settings close when the focus goes on to something else', async () => {
    const { page } = window
    await goTo(page, '#/')
    const button = page.getByRole('button', { name: 'Settings' })
    await button.press('Enter')
    await page.getByRole('button', { name: 'Sign out' }).press('Shift+Tab')
    assert.equal(await button.getAttribute('aria-expanded'), 'true')
    await page.getByRole('button', { name: 'Sign out' }).press('Tab')
    await page.getByRole('button', { name: 'Sign out' }).waitFor({ state: 'detached' })
    assert.deepEqual(window.complaints, [])
  })
})
