import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { withoutBrowser } from './support/browser.ts'
import { ask } from './support/scene.ts'
import { goTo, openStage, signIn, type Stage, type Window } from './support/stage.ts'

const MANY = 45

describe('lists', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  before(async () => {
    stage = await openStage()
    const vhost = encodeURIComponent(stage.scene.vhost)
    const names = Array.from({ length: MANY }, (_, i) => `many.${String(i).padStart(2, '0')}`)
    await Promise.all(names.map((name) => ask(stage.apiUrl, 'PUT', `queues/${vhost}/${name}`, { durable: false })))
    window = await stage.open()
    await signIn(window.page, stage, '#/queues')
    await window.page.getByRole('banner').getByLabel('Virtual host').selectOption({ label: stage.scene.vhost })
  })
  after(() => stage.close())

  const names = (page: Page): Promise<string[]> => page.locator('tbody tr td:nth-child(2)').allInnerTexts()
  const untilFirst = (page: Page, name: string): Promise<void> =>
    page.locator('tbody tr').first().getByRole('link', { name, exact: true }).waitFor()

  test('are filtered by the broker, and the address keeps the filter', async () => {
    const { page } = window
    await goTo(page, '#/queues')
    await page.keyboard.press('/')
    await page.keyboard.type('many.1')
    await untilFirst(page, 'many.10')
    assert.deepEqual(
      await names(page),
      Array.from({ length: 10 }, (_, i) => `many.1${i}`),
    )
    assert.match(page.url(), /[?&]name=many\.1/)
    await page.getByRole('button', { name: 'Regular expression' }).click()
    await page.getByRole('searchbox').fill('many.*[05]$')
    await page.getByText('1–9 of 9').waitFor()
    assert.deepEqual((await names(page)).slice(0, 3), ['many.00', 'many.05', 'many.10'])
    await page.getByRole('link', { name: 'many.05' }).click()
    await page.locator('h1', { hasText: 'many.05' }).waitFor()
    await page.goBack()
    await page.getByText('1–9 of 9').waitFor()
    assert.equal(await page.getByRole('searchbox').inputValue(), 'many.*[05]$')
  })

  test('are turned page by page', async () => {
    const { page } = window
    await goTo(page, '#/queues?name=many')
    await page.getByLabel('per page').selectOption('20')
    await page.getByText(`1–20 of ${MANY}`).waitFor()
    await page.getByRole('button', { name: 'Next page' }).click()
    await untilFirst(page, 'many.20')
    await page.getByRole('button', { name: 'Next page' }).click()
    await page.getByText(`41–45 of ${MANY}`).waitFor()
    assert.equal(await page.getByRole('button', { name: 'Next page' }).isDisabled(), true)
    await page.getByLabel('per page').selectOption('50')
  })

  test('are sorted by the broker, numbers largest first', async () => {
    const { page } = window
    await stage.scene.publish(8)
    await goTo(page, '#/queues')
    await page.getByRole('button', { name: 'Ready' }).click()
    const ready = page.getByRole('columnheader', { name: 'Ready' })
    assert.equal(await ready.getAttribute('aria-sort'), 'descending')
    await page.getByRole('button', { name: 'Name' }).click()
    assert.equal(await page.getByRole('columnheader', { name: 'Name' }).getAttribute('aria-sort'), 'ascending')
    assert.equal(await ready.getAttribute('aria-sort'), null)
    await page.getByRole('button', { name: 'Name' }).click()
    await untilFirst(page, '订单.通知')
  })

  test('show the columns that are wanted, also next time', async () => {
    const { page } = window
    await goTo(page, '#/queues')
    assert.equal(await page.getByRole('columnheader', { name: 'Node' }).count(), 0)
    await page.getByRole('button', { name: 'Columns' }).click()
    await page.getByLabel('Node', { exact: true }).check()
    await page.getByRole('columnheader', { name: 'Node' }).waitFor()
    await goTo(page, '#/exchanges')
    await goTo(page, '#/queues')
    assert.equal(await page.getByRole('columnheader', { name: 'Node' }).count(), 1)
    await page.getByRole('button', { name: 'Columns' }).click()
    await page.getByRole('button', { name: 'Standard columns' }).click()
    assert.equal(await page.getByRole('columnheader', { name: 'Node' }).count(), 0)
    await page.keyboard.press('Escape')
  })

  test('are walked with the arrow keys', async () => {
    const { page } = window
    await goTo(page, '#/queues?name=many')
    await page.getByRole('link', { name: 'many.00' }).focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowDown')
    assert.equal(await page.evaluate(() => document.activeElement!.textContent), 'many.02')
    await page.keyboard.press('End')
    assert.equal(await page.evaluate(() => document.activeElement!.textContent), 'many.44')
    await page.keyboard.press('Home')
    await page.keyboard.press('Enter')
    await page.locator('h1', { hasText: 'many.00' }).waitFor()
  })

  test('several rows are picked and treated together, after the deed was typed', async () => {
    const { page } = window
    await goTo(page, '#/queues?name=many.4')
    await page.getByLabel('All', { exact: true }).check()
    await page.getByText('5 picked').waitFor()
    await page.locator('.table-picked').getByRole('button', { name: 'Delete' }).click()
    const dialog = page.getByRole('dialog')
    const confirm = dialog.getByRole('button', { name: 'Delete' })
    assert.equal(await confirm.isDisabled(), true)
    await dialog.getByRole('textbox').fill('delete 5')
    await confirm.click()
    await page.getByText('Done for 5 queues').waitFor()
    await page.getByText('0–0 of 0').waitFor()
    assert.deepEqual(await names(page), [])
  })

  test('one row alone is called by its name', async () => {
    const { page } = window
    await goTo(page, '#/queues?name=many.30')
    await page.getByLabel('All', { exact: true }).check()
    await page.getByText('1 picked').waitFor()
    await page.locator('.table-picked').getByRole('button', { name: 'Delete' }).click()
    const dialog = page.getByRole('dialog', { name: 'Delete many.30?' })
    await dialog.getByRole('textbox').fill('many.30')
    await dialog.getByRole('button', { name: 'Delete' }).click()
    await page.getByText('Done for 1 queue', { exact: true }).waitFor()
  })

  test('have their headers in one line, and fit in where there is little room', async () => {
    const { page } = window
    for (const width of [1440, 1280, 1024]) {
      await page.setViewportSize({ width, height: 900 })
      for (const list of ['queues', 'channels', 'consumers', 'exchanges', 'connections']) {
        await goTo(page, `#/${list}`)
        await page.locator('tbody tr').first().waitFor()
        const tops = await page
          .locator('thead .table-sort')
          .evaluateAll((headers) =>
            headers.filter((one) => one.checkVisibility()).map((one) => one.getBoundingClientRect().top),
          )
        assert.equal(new Set(tops).size, 1, `${list}: ${tops.join()}`)
        const over = await page
          .locator('.table-scroll')
          .evaluate((element) => element.scrollWidth - element.clientWidth)
        assert.equal(over, 0, `${list} at ${width} px`)
      }
    }
  })

  test('of all virtual hosts say of which each row is', async () => {
    const { page } = window
    await goTo(page, '#/consumers')
    const row = page.getByRole('row', { name: /orders\.billing/ }).first()
    assert.match(await row.innerText(), new RegExp(stage.scene.vhost))
  })
})
