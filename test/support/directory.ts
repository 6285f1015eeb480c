import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { type Identity } from './certificates.ts'
import { eventually } from './with-broker.ts'

const SLAPD = '/usr/sbin/slapd'
const SLAPADD = '/usr/sbin/slapadd'

/** Whether there is a directory server here; without, tests that need one are skipped by name. */
export const withoutSlapd: string | false = existsSync(SLAPD) ? false : 'there is no slapd (Debian package slapd)'

/** Of all who are in the directory. */
export const PASSWORD = 'secret'

const person = (cn: string, uid: string, more = ''): string => `dn: cn=${cn},ou=people,dc=example,dc=com
objectClass: inetOrgPerson
cn: ${cn}
sn: ${uid}
uid: ${uid}
userPassword: ${PASSWORD}
${more}`

const group = (cn: string, members: readonly string[], more = ''): string => `dn: cn=${cn},ou=groups,dc=example,dc=com
objectClass: groupOfNames
cn: ${cn}
${members.map((member) => `member: ${member},dc=example,dc=com`).join('\n')}
${more}`

const unit = (name: string): string => `dn: ou=${name},dc=example,dc=com
objectClass: organizationalUnit
ou: ${name}
`

const LDIF = [
  'dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\no: example\ndc: example\n',
  unit('people'),
  unit('groups'),
  unit('vhosts'),
  person('ann', 'ann', 'description: ^a-\ndescription: ^b-\nemployeeType: ann-queue\n'),
  person('bob', 'bob', 'description: ^b-\n'),
  person('carol', 'carol'),
  person('carol two', 'carol'),
  person('reader', 'reader'),
  group('admins', ['cn=ann,ou=people']),
  group('staff', ['cn=admins,ou=groups', 'cn=bob,ou=people']),
  group('circle-a', ['cn=circle-b,ou=groups']),
  group('circle-b', ['cn=circle-a,ou=groups', 'cn=bob,ou=people']),
  `dn: ou=shop-users,ou=vhosts,dc=example,dc=com
objectClass: groupOfUniqueNames
objectClass: extensibleObject
ou: shop-users
cn: shop
uniqueMember: cn=ann,ou=people,dc=example,dc=com
`,
].join('\n')

/** Debian's slapd with a few people and groups, behind a door that a test can close. */
export class Directory {
  readonly #folder = mkdtempSync(join(tmpdir(), 'warren-ldap-'))
  readonly #socket = join(this.#folder, 's')
  #process: ChildProcess | null = null

  /** @param tls for StartTLS */
  static async start(tls: (Identity & { readonly caFile: string }) | null = null): Promise<Directory> {
    const directory = new Directory()
    await directory.#start(tls)
    return directory
  }

  async #start(tls: (Identity & { readonly caFile: string }) | null): Promise<void> {
    const config = join(this.#folder, 'slapd.conf')
    const data = join(this.#folder, 'data')
    const ldif = join(this.#folder, 'data.ldif')
    mkdirSync(data)
    const secure =
      tls === null
        ? []
        : [
            `TLSCACertificateFile ${tls.caFile}`,
            `TLSCertificateFile ${tls.certFile}`,
            `TLSCertificateKeyFile ${tls.keyFile}`,
          ]
    const lines = [
      ...['core', 'cosine', 'inetorgperson'].map((name) => `include /etc/ldap/schema/${name}.schema`),
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      ...secure,
      'database mdb',
      'maxsize 10485760',
      'suffix "dc=example,dc=com"',
      `directory ${data}`,
      'access to attrs=userPassword by anonymous auth by * none',
      'access to dn.subtree="ou=groups,dc=example,dc=com" by users read by * none',
      'access to attrs=employeeType by dn.exact="cn=reader,ou=people,dc=example,dc=com" read by * none',
      'access to * by * read',
    ]
    writeFileSync(config, `${lines.join('\n')}\n`)
    writeFileSync(ldif, LDIF)
    execFileSync(SLAPADD, ['-f', config, '-l', ldif], { stdio: ['ignore', 'ignore', 'pipe'] })
    const address = `ldapi://${encodeURIComponent(this.#socket)}/`
    this.#process = spawn(SLAPD, ['-d', '0', '-f', config, '-h', address], { stdio: 'ignore' })
    await eventually(() => this.#answers())
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.#socket, () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', reject)
    })
  }

  /** A port of this machine that leads to it. */
  open(tls: Identity | null = null): Promise<Door> {
    return Door.open(this.#socket, tls)
  }

  async stop(): Promise<void> {
    const process = this.#process
    if (process !== null && process.exitCode === null) {
      const ended = new Promise((resolve) => process.once('exit', resolve))
      process.kill()
      await ended
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** A port that leads to a directory, or to what a test puts in its place. */
export class Door {
  /** Connections that have come. */
  opened = 0
  /** In place of the directory: what is done with a connection. */
  instead: ((socket: Socket) => void) | null = null
  /** What comes from clients is kept back: the directory seems to hang. */
  silent = false
  readonly #target: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async open(target: string, tls: Identity | null): Promise<Door> {
    const door = new Door(target, tls)
    await door.listen(0)
    return door
  }

  private constructor(target: string, tls: Identity | null) {
    this.#target = target
    const accept = (socket: Socket): void => this.#accept(socket)
    this.#server = tls === null ? createServer(accept) : createTlsServer({ cert: tls.cert, key: tls.key }, accept)
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(port, '127.0.0.1', resolve))
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size
  }

  #accept(socket: Socket): void {
    this.opened++
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    if (this.instead !== null) {
      this.instead(socket)
      return
    }
    const inner = connect(this.#target)
    inner.on('error', () => socket.destroy())
    inner.on('close', () => socket.destroy())
    socket.on('close', () => inner.destroy())
    socket.on('data', (chunk) => {
      if (!this.silent) inner.write(chunk)
    })
    inner.on('data', (chunk) => socket.write(chunk))
  }

  /** Cuts what is open. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
