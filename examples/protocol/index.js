// A protocol of lines of text, for whatever can open a connection:
//
//   npm start -- --plugins ./examples/protocol
//
//   $ nc localhost 5680
//   LOGIN guest guest
//   OK
//   PUBLISH amq.topic stock.pear 12
//   OK
//
// LOGIN opens the virtual host `/`. OK comes to a PUBLISH when the message is safe. ERROR and a reason come before the connection is closed.
import {
  BrokerError,
  composeMessage,
  definePlugin,
  NO_TRAFFIC,
  preconditionFailed,
  Properties,
  QuietSink,
} from 'warrenmq/plugin'

const PORT = 5680
const LINE_LENGTH_MAX = 64 * 1024
/** Publishes without an answer from which on nothing more is read. */
const UNANSWERED_MAX = 100
/** How long a client may take to read the last line. */
const GOODBYE_MS = 1000

/** One client: a session of the broker, which checks what it may do, and hears what becomes of its messages. */
class Client extends QuietSink {
  #socket
  #peer
  #parts
  #text = ''
  #connection = null
  #session = null
  #published = 0
  #answered = 0
  /** What keeps it from being read: its login, an alarm, the store, or its own publishes. */
  #holds = new Set()

  constructor(socket, peer, parts) {
    super()
    this.#socket = socket
    this.#peer = peer
    this.#parts = parts
    this.gone = new Promise((resolve) => socket.on('close', resolve))
    void this.gone.then(() => this.#connection?.close())
    socket.on('error', () => {}) // 'close' follows
    socket.setEncoding('utf8')
    socket.on('data', (text) => {
      this.#text += text
      this.#obeyLines()
    })
    socket.resume()
  }

  #obeyLines() {
    try {
      while (this.#holds.size === 0 && !this.#socket.writableEnded) {
        const end = this.#text.indexOf('\n')
        if (end === -1) break
        const words = this.#text.slice(0, end).trim().split(' ')
        this.#text = this.#text.slice(end + 1)
        this.#obey(words)
      }
      if (this.#text.length > LINE_LENGTH_MAX) throw preconditionFailed('the line is too long')
    } catch (error) {
      this.#fail(error)
    }
  }

  #obey([command, ...words]) {
    if (command === 'LOGIN') void this.#login(...words)
    else if (command === 'PUBLISH') this.#publish(...words)
    else throw preconditionFailed(`'${command}' is not known: LOGIN and PUBLISH are`)
  }

  async #login(user = '', password = '') {
    const { address } = this.#peer
    this.#hold('login')
    try {
      if (this.#connection !== null) throw preconditionFailed('already logged in')
      const loopback = address === '127.0.0.1' || address === '::1'
      const facts = { loopback, protocol: 'lines', address }
      const login = await this.#parts.logins.authenticatePassword(user, password, facts)
      if (this.#socket.destroyed) return
      if (login.outcome !== 'ok') throw preconditionFailed('login refused')
      this.#open(login.identity, loopback)
      this.#say('OK')
    } catch (error) {
      this.#fail(error)
    }
    this.#release('login')
  }

  #open(identity, loopback) {
    const { address, port, localAddress, localPort } = this.#peer
    const facts = {
      name: `${address}:${port} -> ${localAddress}:${localPort}`,
      protocol: 'lines',
      peerAddress: address,
      peerPort: port,
      clientProperties: new Map(),
      givenName: null,
      network: null,
      loopback,
    }
    this.#connection = this.#parts.broker.openConnection(identity, '/', facts, {
      close: (text) => this.end(`ERROR ${text}`),
      drop: () => this.#socket.destroy(),
      block: () => this.#hold('alarm'),
      unblock: () => this.#release('alarm'),
      hold: () => this.#hold('store'),
      release: () => this.#release('store'),
      traffic: () => NO_TRAFFIC,
    })
    this.#session = this.#connection.openSession(this)
    this.#session.publishing.selectConfirms()
  }

  #publish(exchange = '', key = '', ...words) {
    if (this.#session === null) throw preconditionFailed('LOGIN first')
    const { publishing, broker } = this.#session
    const properties = Object.assign(new Properties(), { deliveryMode: 2 })
    const body = Buffer.from(words.join(' '))
    const message = composeMessage(exchange, key, properties, body, broker.propertyFormat)
    publishing.publish(publishing.access(exchange), message, false)
    if (++this.#published - this.#answered >= UNANSWERED_MAX) this.#hold('publishes')
  }

  /** All up to this one are safe. */
  confirmed(sequence) {
    while (this.#answered < sequence) this.#answer('OK')
  }

  rejected() {
    this.#answer('ERROR a queue is full')
  }

  #answer(text) {
    this.#answered++
    this.#say(text)
    this.#release('publishes')
  }

  #hold(why) {
    this.#holds.add(why)
    this.#socket.pause()
  }

  #release(why) {
    if (!this.#holds.delete(why) || this.#holds.size > 0) return
    this.#socket.resume()
    this.#obeyLines()
  }

  #say(text) {
    if (!this.#socket.writableEnded) this.#socket.write(`${text}\n`)
  }

  #fail(error) {
    if (!(error instanceof BrokerError)) this.#parts.log.error('the line protocol failed', { err: error })
    this.end(`ERROR ${error instanceof BrokerError ? error.message : 'internal error'}`)
  }

  end(text) {
    if (this.#socket.writableEnded) return
    this.#socket.end(`${text}\n`, () => this.#socket.destroy())
    const timer = setTimeout(() => this.#socket.destroy(), GOODBYE_MS)
    void this.gone.then(() => clearTimeout(timer))
  }
}

/** The clients of one broker. */
class FrontEnd {
  #parts
  #clients = new Set()

  constructor(parts) {
    this.#parts = parts
  }

  accept(socket, peer) {
    const client = new Client(socket, peer, this.#parts)
    this.#clients.add(client)
    void client.gone.then(() => this.#clients.delete(client))
  }

  async close(reason) {
    const clients = [...this.#clients]
    for (const client of clients) client.end(`ERROR ${reason}`)
    await Promise.all(clients.map(({ gone }) => gone))
  }
}

let port = PORT

export default definePlugin({
  name: 'lines',
  register(registry) {
    registry.protocol({ name: 'lines', listeners: () => [{ port }], create: (parts) => new FrontEnd(parts) })
  },
  start({ settings }) {
    port = Number(settings.get('port') ?? PORT)
  },
})
