import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Whether certificates can be made here; without, tests that need some are skipped by name. */
export const withoutOpenssl: string | false = ((): string | false => {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' })
    return false
  } catch {
    return 'there is no openssl command'
  }
})()

export interface Identity {
  readonly certFile: string
  readonly keyFile: string
  readonly cert: Buffer
  readonly key: Buffer
}

/** A certificate authority in a folder. */
export class Authority {
  readonly caFile: string
  readonly ca: Buffer
  readonly #folder: string

  constructor(folder: string, name = 'authority') {
    this.#folder = folder
    this.caFile = join(folder, `${name}.pem`)
    const key = join(folder, `${name}.key`)
    openssl('req', '-x509', ...NEW_KEY, '-keyout', key, '-out', this.caFile, '-subj', `/CN=${name}`, '-days', '2')
    this.ca = readFileSync(this.caFile)
  }

  /**
   * @param subject as OpenSSL takes it, most general part first: `/O=example/CN=ann`
   * @param days from now on for which it is valid; negative: it has expired
   */
  issue(name: string, subject: string, alternativeNames = 'DNS:localhost', days = 2): Identity {
    const path = (ending: string): string => join(this.#folder, `${name}.${ending}`)
    openssl('req', ...NEW_KEY, '-keyout', path('key'), '-out', path('csr'), '-subj', subject)
    writeFileSync(path('ext'), `subjectAltName=${alternativeNames}\n`)
    const signing = ['-CA', this.caFile, '-CAkey', this.caFile.replace(/pem$/, 'key'), '-CAcreateserial']
    openssl(
      'x509',
      '-req',
      '-in',
      path('csr'),
      ...signing,
      '-extfile',
      path('ext'),
      '-out',
      path('pem'),
      '-days',
      `${days}`,
    )
    const [certFile, keyFile] = [path('pem'), path('key')]
    return { certFile, keyFile, cert: readFileSync(certFile), key: readFileSync(keyFile) }
  }
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}
