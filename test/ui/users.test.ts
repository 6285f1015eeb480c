import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, openSignedIn, type Stage, type Window } from './support/stage.ts'

const NAME = `shop clerk ${process.pid}`
const PATH = encodeURIComponent(NAME)

describe('users', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    ;({ stage, window } = await openSignedIn('#/users/new'))
  })
  after(() => stage.close())

  const ofUser = (what = ''): Promise<unknown> => ask(stage.apiUrl, 'GET', `users/${PATH}${what}`)
  const canSignIn = async (password: string): Promise<boolean> => {
    const authorization = `Basic ${btoa(`${NAME}:${password}`)}`
    return (await fetch(`${stage.apiUrl}/whoami`, { headers: { authorization } })).ok
  }

  test('one is added with password and tags', async () => {
    const { page } = window
    await page.getByLabel('Name', { exact: true }).fill(NAME)
    await page.getByLabel('Password', { exact: true }).fill('first')
    await page.getByLabel('Password again').fill('other')
    await page.getByText('The two passwords differ.').waitFor()
    assert.equal(await page.getByRole('button', { name: 'Add a user' }).isDisabled(), true)
    await page.getByLabel('Password again').fill('first')
    await page.getByLabel('monitoring').check()
    await page.getByLabel('Further tags').fill('shop, night')
    await page.getByRole('button', { name: 'Add a user' }).click()
    await page.locator('h1', { hasText: NAME }).waitFor()
    const { tags } = (await ofUser()) as { tags: string[] }
    assert.deepEqual(tags, ['monitoring', 'shop', 'night'])
    assert.equal(await canSignIn('first'), true)
  })

  test('one that is there already is not written over', async () => {
    const { page } = window
    await goTo(page, '#/users/new')
    await page.getByLabel('Name', { exact: true }).fill(NAME)
    await page.getByLabel('Password', { exact: true }).fill('second')
    await page.getByLabel('Password again').fill('second')
    await page.getByRole('button', { name: 'Add a user' }).click()
    await page.getByRole('alert').getByText('One of this name exists already').waitFor()
    const { tags } = (await ofUser()) as { tags: string[] }
    assert.deepEqual(tags, ['monitoring', 'shop', 'night'])
    assert.equal(await canSignIn('first'), true)
    await page.getByRole('link', { name: 'Show what is there' }).click()
    await page.getByRole('button', { name: 'Leave' }).click()
    await page.locator('h1', { hasText: NAME }).waitFor()
  })

  test('permissions are set and cleared', async () => {
    const { page } = window
    await page.getByText('Set permissions', { exact: true }).first().click()
    const form = page.locator('details', { hasText: 'Set permissions' })
    await form.getByLabel('Virtual host').selectOption(stage.scene.vhost)
    await form.getByLabel('Configure').fill('')
    await form.getByLabel('Read').fill('^orders')
    await form.getByRole('button', { name: 'Set permissions' }).click()
    const region = page.getByRole('region', { name: 'Permissions', exact: true }).first()
    await region.getByText('^orders').waitFor()
    const { vhost } = stage.scene
    const expected = { user: NAME, vhost, configure: '', write: '.*', read: '^orders' }
    assert.deepEqual(await ofUser('/permissions'), [expected])
    await region.getByRole('button', { name: 'Clear' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Clear' }).click()
    await region.getByText('No permissions yet').waitFor()
    assert.deepEqual(await ofUser('/permissions'), [])
  })

  test('topic permissions and limits are set', async () => {
    const { page } = window
    await page.getByText('Set topic permission', { exact: true }).first().click()
    const form = page.locator('details', { hasText: 'Set topic permission' })
    await form.getByLabel('Virtual host').selectOption(stage.scene.vhost)
    await form.getByLabel('Exchange').fill('orders')
    await form.getByLabel('Keys to publish with').fill('^order\\.')
    await form.getByRole('button', { name: 'Set topic permission' }).click()
    await page.getByRole('region', { name: 'Topic permissions' }).first().getByText('^order\\.').waitFor()
    await page.getByLabel('Most connections').fill('3')
    await page.getByRole('button', { name: 'Save limits' }).click()
    await page.getByText('Limits saved').waitFor()
    const topics = (await ofUser('/topic-permissions')) as { exchange: string; write: string; read: string }[]
    assert.deepEqual(
      topics.map(({ exchange, write, read }) => ({ exchange, write, read })),
      [{ exchange: 'orders', write: '^order\\.', read: '.*' }],
    )
    const limits = await ask(stage.apiUrl, 'GET', `user-limits/${PATH}`)
    assert.deepEqual(limits, [{ user: NAME, value: { 'max-connections': 3 } }])
    const isDeletion = (method: string, url: string): boolean => method === 'DELETE' && url.includes('/user-limits/')
    const deleted = page.waitForResponse((answer) => isDeletion(answer.request().method(), answer.url()))
    await page.getByLabel('Most connections').fill('')
    await page.getByRole('button', { name: 'Save limits' }).click()
    await deleted
    assert.deepEqual(await ask(stage.apiUrl, 'GET', `user-limits/${PATH}`), [])
  })

  test('a change of the tags keeps the password, a change of the password keeps the tags', async () => {
    const { page } = window
    await page.getByText('Change the tags', { exact: true }).first().click()
    const tags = page.locator('details', { hasText: 'Change the tags' })
    await tags.getByLabel('management', { exact: true }).check()
    await tags.getByRole('button', { name: 'Change the tags' }).click()
    await page.getByText('Tags changed').waitFor()
    assert.equal(await canSignIn('first'), true)
    await page.getByText('Change the password', { exact: true }).first().click()
    const password = page.locator('details', { hasText: 'Change the password' })
    await password.getByLabel('Password', { exact: true }).fill('second')
    await password.getByLabel('Password again').fill('second')
    await password.getByRole('button', { name: 'Change the password' }).click()
    await page.getByText('Password changed').waitFor()
    assert.equal(await canSignIn('second'), true)
    const user = (await ofUser()) as { tags: string[] }
    assert.deepEqual(user.tags, ['management', 'monitoring', 'shop', 'night'])
  })

  test('one is deleted after its name was typed', async () => {
    const { page } = window
    await goTo(page, '#/users')
    await page.getByRole('link', { name: NAME }).click()
    await page.getByRole('button', { name: 'Delete' }).click()
    const dialog = page.getByRole('dialog')
    assert.equal(await dialog.getByRole('button', { name: 'Delete' }).isDisabled(), true)
    await dialog.getByRole('textbox').fill(NAME)
    await page.keyboard.press('Enter')
    await page.locator('h1', { hasText: 'Users' }).waitFor()
    await assert.rejects(ofUser(), /404/)
    assert.deepEqual(window.complaints, [])
  })
})
