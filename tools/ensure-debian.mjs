// Installs the client libraries of other languages that test/clients drives, and the browser that test/ui drives, where that
// is possible: on Debian and its descendants, as root. Elsewhere, or when it fails, those tests skip by name.
// SKIP_DEBIAN_PACKAGES=1 leaves the system alone.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'

const PACKAGES = [
  'amqp-tools',
  'python3-pika',
  'python3-kombu',
  'python3-celery',
  'ruby',
  'ruby-bunny',
  'php-cli',
  'php-amqp',
  'php-amqplib',
  'golang-go',
  'golang-github-rabbitmq-amqp091-go-dev',
  'default-jdk-headless',
  'librabbitmq-client-java',
  'libslf4j-java',
  'chromium',
  'fonts-noto-cjk',
  'mosquitto',
  'mosquitto-clients',
  'python3-paho-mqtt',
  'python3-stomp',
]

const LISTS = '/var/lib/apt/lists'
const INSTALL_TIMEOUT_MS = 600_000

main()

function main() {
  if (process.env.SKIP_DEBIAN_PACKAGES === '1' || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  const missing = PACKAGES.filter((name) => !isInstalled(name))
  if (missing.length === 0) return
  console.error(`Installing client libraries and a browser for the tests (apt-get): ${missing.join(' ')} ...`)
  if (!hasLists()) aptGet(['update'])
  if (installKnown(missing)) return
  // The lists may be older than the archive. One more try with fresh ones.
  if (!aptGet(['update']) || !installKnown(missing)) {
    console.error('Some could not be installed; the tests that need them will be skipped.')
  }
}

function isInstalled(name) {
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' })
  return stdout === 'installed'
}

function hasLists() {
  return existsSync(LISTS) && readdirSync(LISTS).some((name) => name.includes('_Packages'))
}

/** One unknown name makes apt-get refuse all of them, and not every release has every package. */
function installKnown(names) {
  const { stdout } = spawnSync('apt-cache', ['--no-all-versions', 'show', ...names], { encoding: 'utf8' })
  const known = new Set([...(stdout ?? '').matchAll(/^Package: (\S+)$/gm)].map((match) => match[1]))
  const wanted = names.filter((name) => known.has(name))
  return (
    wanted.length > 0 && aptGet(['install', '-y', '--no-install-recommends', ...wanted]) && known.size === names.length
  )
}

function aptGet(args) {
  const result = spawnSync('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    encoding: 'utf8',
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: INSTALL_TIMEOUT_MS,
    maxBuffer: 64 * 1024 * 1024,
  })
  if (result.status === 0) return true
  const reason = result.error?.message ?? (result.stderr || result.stdout).trim().split('\n').slice(-5).join('\n')
  console.error(`apt-get ${args[0]} failed: ${reason}`)
  return false
}
