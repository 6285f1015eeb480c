import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { accessibilityFaults, layoutFaults } from './support/looks.ts'
import { openStage, signIn, type Stage } from './support/stage.ts'

describe('sign-in', { skip: withoutBrowser }, () => {
  let stage: Stage
  before(async () => {
    stage = await openStage()
  })
  after(() => stage.close())

  test('refuses a wrong password in words, and forgets it', async () => {
    const { page, context } = await stage.open()
    await page.goto(stage.url)
    await page.getByLabel('User name').fill('guest')
    await page.getByLabel('Password').fill('wrong')
    await page.getByRole('button', { name: 'Sign in' }).click()
    assert.match(await page.getByRole('alert').innerText(), /wrong/)
    assert.equal(await page.getByLabel('Password').inputValue(), '')
    assert.equal(await page.getByLabel('User name').inputValue(), 'guest')
    await context.close()
  })

  test('says of who is in the wrong place that it is the place', async () => {
    const { page, context } = await stage.open()
    await page.goto(stage.url)
    await page.getByLabel('User name').fill('guest')
    await page.getByLabel('Password').fill('guest')
    // as the API answers guest from another machine, RabbitMQ's as well
    const json = { error: 'not_authorised', reason: 'User can only log in via localhost' }
    await page.route('**/api/**', (route) => route.fulfill({ status: 401, json }))
    await page.getByRole('button', { name: 'Sign in' }).click()
    assert.match(
      await page.getByRole('alert').innerText(),
      /^This user may sign in from the machine of the broker only/,
    )
    await context.close()
  })

  test('goes on to the page that was asked for, and leads back here after signing out', async () => {
    const { page, context, complaints } = await stage.open()
    await signIn(page, stage, '#/exchanges')
    assert.equal(await page.locator('h1').innerText(), 'Exchanges')
    await page.getByRole('button', { name: 'Settings' }).click()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.deepEqual(complaints, [])
    await context.close()
  })

  test('can be read in either language, and keeps the choice', async () => {
    const { page, context } = await stage.open({ language: 'zh' })
    await page.goto(stage.url)
    assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN')
    await page.getByRole('button', { name: '登录' }).waitFor()
    await page.getByLabel('语言').selectOption('en')
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    await page.reload()
    await page.getByRole('button', { name: 'Sign in' }).waitFor()
    assert.equal(await page.locator('html').getAttribute('lang'), 'en-GB')
    await context.close()
  })

  test('says in Chinese as Chinese is written why it failed', async () => {
    const { page, context } = await stage.open({ language: 'zh' })
    await page.goto(stage.url)
    await page.getByLabel('用户名').fill('guest')
    await page.getByLabel('密码').fill('guest')
    await page.route('**/api/**', (route) => route.abort())
    await page.getByRole('button', { name: '登录' }).click()
    assert.match(await page.getByRole('alert').innerText(), /^无法连接到消息服务器。请检查/)
    await context.close()
  })

  for (const language of ['en', 'zh'] as const) {
    test(`looks right, ${language}`, async () => {
      const { page, context, complaints } = await stage.open({ language })
      await page.goto(stage.url)
      await page.locator('input[type=password]').waitFor()
      const faults: string[] = []
      for (const theme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme: theme })
        for (const width of [1280, 390]) {
          await page.setViewportSize({ width, height: 800 })
          faults.push(...(await layoutFaults(page)), ...(await accessibilityFaults(page)))
        }
      }
      assert.deepEqual(faults, [])
      assert.deepEqual(complaints, [])
      await context.close()
    })
  }
})
