import { existsSync } from 'node:fs'
import { chromium, type Browser } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** Where a browser is: CHROMIUM says, or Debian's place for it. Undefined where there is none. */
export const chromiumPath = [process.env['CHROMIUM'], ...PLACES].find((path) => path !== undefined && existsSync(path))

/** For the options of a test: a reason to skip it, or false. */
export const withoutBrowser = chromiumPath === undefined && 'there is no chromium (set CHROMIUM to its path)'

export function launchBrowser(): Promise<Browser> {
  // As root, as in containers, chromium has no sandbox; shared memory is small there.
  return chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}
