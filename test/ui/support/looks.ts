import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Page } from 'playwright-core'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/**
 * What axe calls serious or critical, as `rule: where`.
 * @param rules of axe, where not all are to be looked at
 */
export async function accessibilityFaults(page: Page, rules?: readonly string[]): Promise<string[]> {
  // Through the debugger's own door: a script element would be against the content policy, which is as it should be. Once
  // for a document: it is half a megabyte.
  if (await page.evaluate(() => !('axe' in globalThis))) await page.evaluate(`${axe}; undefined`)
  return page.evaluate(async (only) => {
    interface Axe {
      run: (options: object) => Promise<{
        violations: { id: string; impact: string; nodes: { target: unknown[]; failureSummary?: string }[] }[]
      }>
    }
    const runOnly = only === undefined ? {} : { runOnly: only }
    const options = { resultTypes: ['violations'], ...runOnly }
    const { violations } = await (globalThis as unknown as { axe: Axe }).axe.run(options)
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) =>
        nodes.map(({ target, failureSummary }) => `${id}: ${target.join(' ')} ${failureSummary ?? ''}`),
      )
  }, rules)
}

/**
 * Whether the page is wider than the window, text is cut off, or controls lie on each other. One line for each fault.
 * @param part a selector: looks at nothing else, as what lies above the rest of the page may well cover it
 */
export function layoutFaults(page: Page, part = 'body'): Promise<string[]> {
  return page.evaluate((within) => {
    const faults: string[] = []
    const name = (element: Element): string =>
      `${element.tagName.toLowerCase()}.${element.className} "${(element.textContent ?? '').trim().slice(0, 40)}"`
    const isShown = (element: Element): boolean =>
      element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0
    const isForScreenReaders = (element: Element): boolean => getComputedStyle(element).clipPath !== 'none'

    for (const element of document.querySelectorAll(within)) {
      const { left, right } = element.getBoundingClientRect()
      if (isShown(element) && (left < -1 || right > innerWidth + 1))
        faults.push(`${name(element)} sticks out of the window`)
    }
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth
    if (wide > 0) faults.push(`the page is ${wide} px wider than the window`)

    for (const element of document.querySelectorAll(`${within} *`)) {
      const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent!.trim() !== '')
      if (!hasText || !isShown(element) || isForScreenReaders(element)) continue
      const { overflowX, overflowY } = getComputedStyle(element)
      const scrolls = [overflowX, overflowY].some((value) => value === 'auto' || value === 'scroll')
      const isInline = getComputedStyle(element).display === 'inline'
      if (isInline || scrolls || element instanceof SVGElement) continue
      if (element.scrollWidth > element.clientWidth + 1) faults.push(`text is cut or sticks out: ${name(element)}`)
    }

    for (const cell of document.querySelectorAll(`${within} td > :is(a, code)`)) {
      const letters = (cell.textContent ?? '').trim().length
      if (isShown(cell) && letters > 8 && cell.getBoundingClientRect().width < 50)
        faults.push(`a column of single letters: ${name(cell)}`)
    }

    // what is drawn up to the edge goes on behind it
    for (const canvas of document.querySelectorAll<HTMLCanvasElement>(`${within} canvas`)) {
      if (!isShown(canvas) || canvas.width === 0 || canvas.height === 0) continue
      const copy = Object.assign(document.createElement('canvas'), { width: 1, height: canvas.height })
      // else the browser complains of what is read from a canvas that it keeps on the graphics card
      const context = copy.getContext('2d', { willReadFrequently: true })!
      context.drawImage(canvas, 1 - canvas.width, 0)
      const edge = context.getImageData(0, 0, 1, canvas.height).data
      if (edge.some((value) => value !== 0)) faults.push(`a chart is cut at the right: ${name(canvas.parentElement!)}`)
    }

    const context = document.createElement('canvas').getContext('2d')!
    for (const select of document.querySelectorAll<HTMLSelectElement>(`${within} select`)) {
      if (!isShown(select)) continue
      const style = getComputedStyle(select)
      context.font = style.font
      const text = select.selectedOptions[0]?.textContent ?? ''
      const room = select.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight)
      const needed = context.measureText(text).width
      if (needed > room + 1) faults.push(`a choice is cut: "${text}" needs ${Math.ceil(needed)} px of ${room}`)
    }

    const controls = [...document.querySelectorAll('a, button, input, select, textarea, h1, h2, h3')].filter(
      // the button in the field of a filter lies there on purpose
      (element) =>
        isShown(element) &&
        element.closest(within) !== null &&
        element.closest('.table-filter, .layout-skip, .toasts, .jobs') === null,
    )
    const boxes = controls.map((element) => ({ element, box: element.getBoundingClientRect() }))
    const bar = document.querySelector('.layout-bar')
    for (const [i, a] of boxes.entries()) {
      for (const b of boxes.slice(i + 1)) {
        if (a.element.contains(b.element) || b.element.contains(a.element)) continue
        // What is scrolled passes below the bar at the top.
        if (bar !== null && bar.contains(a.element) !== bar.contains(b.element)) continue
        const width = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left)
        const height = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top)
        if (width > 2 && height > 2) faults.push(`${name(a.element)} lies on ${name(b.element)}`)
      }
    }
    return faults
  }, part)
}
