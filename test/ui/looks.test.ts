import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, withoutBrowser } from './support/browser.ts'
import { accessibilityFaults, layoutFaults } from './support/looks.ts'

// What looks at the pages finds what it is there for: else it would find nothing, on any page.

describe('looking at a page', { skip: withoutBrowser }, () => {
  let browser: Browser
  let page: Page
  before(async () => {
    browser = await launchBrowser()
    page = await browser.newPage({ viewport: { width: 400, height: 300 } })
  })
  after(() => browser.close())

  const faultsOf = async (body: string): Promise<string> => {
    await page.setContent(`<!doctype html><html lang="en"><title>t</title><main><h1>Title</h1>${body}</main></html>`)
    return (await layoutFaults(page)).join('\n')
  }

  test('finds nothing on a good one', async () => {
    assert.equal(await faultsOf('<p>text</p><button>one</button> <button>two</button>'), '')
    assert.deepEqual(await accessibilityFaults(page), [])
  })

  test('finds a page that is too wide', async () => {
    assert.match(await faultsOf('<div style="width: 500px">x</div>'), /wider than the window/)
  })

  test('finds text that is cut, also in a choice', async () => {
    const long = 'a rather long text that needs room'
    assert.match(await faultsOf(`<p style="width:80px;overflow:hidden;white-space:nowrap">${long}</p>`), /text is cut/)
    assert.match(await faultsOf(`<select style="width:80px"><option>${long}</option></select>`), /a choice is cut/)
  })

  test('finds names in a column of single letters', async () => {
    const row = (width: number): string =>
      `<table style="width:${width}px"><tr><td style="overflow-wrap:anywhere"><a href="#">orders.billing</a></td></tr></table>`
    assert.equal(await faultsOf(row(200)), '')
    assert.match(await faultsOf(row(30)), /a column of single letters/)
  })

  test('finds a chart whose last label is cut', async () => {
    const chart = '<figure><canvas width="100" height="40" aria-hidden="true"></canvas></figure>'
    const faultsWith = async (x: number): Promise<string> => {
      await faultsOf(chart)
      await page.evaluate((at) => document.querySelector('canvas')!.getContext('2d')!.fillRect(at, 10, 30, 10), x)
      return (await layoutFaults(page)).join('\n')
    }
    assert.equal(await faultsWith(60), '')
    assert.match(await faultsWith(80), /a chart is cut/)
  })

  test('finds controls on each other', async () => {
    assert.match(await faultsOf('<button>one</button><button style="margin-left:-20px">two</button>'), /lies on/)
  })

  test('finds what keeps people out', async () => {
    await faultsOf('<input><p style="color:#bbb;background:#fff">pale</p>')
    const faults = (await accessibilityFaults(page)).join('\n')
    assert.match(faults, /^label: input/m)
    assert.match(faults, /^color-contrast: p/m)
  })
})
