import amqplib from 'amqplib'
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { withoutBrowser } from './support/browser.ts'
import { layoutFaults } from './support/looks.ts'
import { goTo, openSignedIn, type Stage, type Window } from './support/stage.ts'

// AMQP allows any text of 255 bytes as a name; the console has to bear it.

describe('odd names', { skip: withoutBrowser }, () => {
  let stage: Stage
  let window: Window
  let vhost = ''
  let client: amqplib.ChannelModel
  let channel: amqplib.Channel
  before(async () => {
    ;({ stage, window, vhost } = await openSignedIn('#/queues'))
    client = await amqplib.connect(`${stage.amqpUrl}/${vhost}`)
    channel = await client.createChannel()
  })
  after(async () => {
    await client.close()
    await stage.close()
  })

  test('that browsers fold out of an address are said to be such, and nothing else is asked for', async () => {
    const { page } = window
    await channel.assertQueue('..')
    const asked: string[] = []
    page.on('request', (request) => asked.push(new URL(request.url()).pathname))
    for (const tab of ['', '/messages', '/publish', '/change', '/manage']) {
      await goTo(page, `#/queues/${vhost}/..${tab}`)
      const text = await page.getByRole('alert').first().innerText()
      assert.match(text, /Browsers cannot address what is called “\.\.”[\s\S]*Nothing was asked/)
      assert.equal(await page.getByRole('button', { name: 'Delete' }).count(), 0)
    }
    assert.deepEqual(
      asked.filter((path) => path.startsWith('/api/queues')),
      [],
    )
  })

  test('that browsers fold out of an address are refused by forms', async () => {
    const { page } = window
    for (const address of ['#/queues/new', '#/exchanges/new', '#/users/new', '#/vhosts/new', '#/policies/new']) {
      await goTo(page, address)
      const name = page.locator('main').getByLabel('Name', { exact: true })
      await name.fill('..')
      await page.getByText('Browsers cannot address what is called “..”').waitFor()
      await name.fill('...')
      await page.getByText('Browsers cannot address').waitFor({ state: 'detached' })
      await name.fill('')
    }
    assert.deepEqual(window.complaints, [])
  })

  const ALIKE = ['a b', 'a  b', ' a b', 'a b ', 'a\u00a0b', 'a\u200bb', 'a\tb', 'a\u202eb', 'a\u0001b']

  test('that differ in what is not seen only can be told apart, and copied to confirm a deed', async () => {
    const { page } = window
    for (const name of ALIKE) await channel.assertQueue(`alike ${name}`)
    await goTo(page, '#/queues?name=alike')
    await page
      .getByRole('link', { name: /^alike/ })
      .nth(ALIKE.length - 1)
      .waitFor()
    const links = await page.locator('tbody a').all()
    const drawn = await Promise.all(links.map((link) => link.evaluate(drawnText)))
    assert.equal(new Set(drawn).size, ALIKE.length, JSON.stringify(drawn))
    for (const name of ALIKE) {
      await goTo(page, `#/queues/${vhost}/${encodeURIComponent(`alike ${name}`)}`)
      await page.getByRole('button', { name: 'Purge' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.locator('.dialog-name').click()
      const copied = await page.evaluate(() => getSelection()!.toString())
      assert.equal(copied, `alike ${name}`)
      await dialog.getByRole('textbox').fill(copied)
      await dialog.getByRole('button', { name: 'Purge' }).click()
      await page.getByText('Purged').last().waitFor()
    }
    assert.deepEqual(window.complaints, [])
  })

  test('of values of headers, too, are seen', async () => {
    const { page } = window
    await channel.assertQueue('odd values')
    channel.sendToQueue('odd values', Buffer.from([0, 1, 255]), { headers: { bytes: Buffer.from([1, 2, 3]) } })
    await goTo(page, `#/queues/${vhost}/odd%20values/messages`)
    assert.match(await page.locator('.message-preview').innerText(), /Base64/)
    await page.getByRole('button', { name: /^Message / }).click()
    const marks = page.getByRole('dialog').locator('.argument-list [data-mark]')
    await marks.first().waitFor({ state: 'attached' })
    assert.deepEqual(await marks.evaluateAll((all) => all.map((mark) => mark.getAttribute('data-mark'))), [
      'U+0001',
      'U+0002',
      'U+0003',
    ])
    await page.keyboard.press('Escape')
  })

  test('that are long leave the other columns and the page their room', async () => {
    const { page } = window
    const long = 'x'.repeat(200)
    const other = await amqplib.connect(`${stage.amqpUrl}/${vhost}`, { clientProperties: { connection_name: long } })
    await channel.assertQueue(long)
    for (const width of [1440, 1024, 390]) {
      await page.setViewportSize({ width, height: 900 })
      for (const address of ['#/connections', '#/queues', `#/queues/${vhost}/${long}`]) {
        await goTo(page, address)
        await page.getByText(long).first().waitFor()
        assert.deepEqual(await layoutFaults(page), [], `${address} at ${width}`)
        // At 390 px tables scroll, but one name is not wider than that.
        const widths = await page
          .locator('td:has(.name-long)')
          .evaluateAll((cells) => cells.map((one) => one.clientWidth))
        assert.ok(Math.max(0, ...widths) < 420, `${widths.join()} at ${width}`)
      }
      const table = page.locator('.table-scroll').first()
      await goTo(page, '#/connections')
      const over = await table.evaluate((element) => element.scrollWidth - element.clientWidth)
      if (width === 1440) assert.equal(over, 0)
      await page.getByRole('row', { name: long }).getByRole('link', { name: /->/ }).click()
      await page.locator('.page-lead').getByText(long).waitFor()
      assert.deepEqual(await layoutFaults(page), [], `a connection at ${width}`)
    }
    await page.setViewportSize({ width: 1280, height: 900 })
    await other.close()
  })
})

/** Runs in the browser: the text with its marks, as it is drawn, where white space of one kind looks like that of another. */
function drawnText(element: Element): string {
  const marks = [...element.querySelectorAll('[data-mark]')]
  for (const mark of marks) mark.textContent = mark.getAttribute('data-mark')
  return element.textContent.replaceAll(/\s+/g, ' ').trim()
}
