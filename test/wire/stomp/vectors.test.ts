/** What is on the wire: frames, sound and broken, and exactly what the broker answers; whole, byte by byte and cut at random. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { byteByByte, cutAtRandom, whole, WireClient } from '../wire-client.ts'
import { isRabbit, stompTarget } from './target.ts'

const target = stompTarget()
const CUTS = isRabbit ? { whole } : { whole, byteByByte, 'cut at random': cutAtRandom(7) }

const SERVER = /server:[^\n]*\n/
const SESSION = /session-[\w-]{22}/g
const GENERATED = /amq\.gen-[\w-]{22}/g
const BYE = 'DISCONNECT\nreceipt:bye\n\n^@'

/** What the broker says to these bytes until it closes the connection, with what differs each time replaced. */
async function answerTo(text: string, cut = whole): Promise<string> {
  const { hostname, port } = new URL(target.url)
  const wire = await WireClient.connect(hostname, Number(port), cut)
  await wire.send(Buffer.from(text.replaceAll('^@', '\0'), 'latin1'))
  const answer = (await wire.untilClosed()).toString('latin1').replaceAll('\0', '^@')
  return answer.replace(SERVER, '').replaceAll(SESSION, 'session-S').replaceAll(GENERATED, 'amq.gen-G')
}

const connectTo = (version: string): string =>
  version === '1.0' ? 'CONNECT\n\n^@' : `CONNECT\naccept-version:${version}\nhost:/\n\n^@`
const connected = (version: string, beats = '0,0'): string =>
  `CONNECTED\nsession:session-S\nheart-beat:${beats}\nversion:${version}\n\n^@\n`
const receipt = (id: string): string => `RECEIPT\nreceipt-id:${id}\n\n^@\n`
const error = (message: string, body: string, more = ''): string =>
  `ERROR\nmessage:${message}\ncontent-type:text/plain\nversion:1.0,1.1,1.2\n${more}content-length:${body.length}\n\n${body}^@\n`

interface Vector {
  readonly name: string
  readonly send: string
  readonly answer: string
  /** In what RabbitMQ 3.10 is known to differ. */
  readonly differs?: string
}

function play(vectors: readonly Vector[], frame: (send: string) => string, prefix: string): void {
  for (const { name, send, answer, differs } of vectors) {
    test(name, { skip: isRabbit && differs !== undefined ? differs : false }, async () => {
      for (const cut of Object.values(CUTS)) assert.equal(await answerTo(frame(send), cut), prefix + answer)
    })
  }
}

const STAYS = 'leaves the connection open'

describe('before the login', () => {
  const vectors: Vector[] = [
    { name: 'CONNECT of 1.0', send: `CONNECT\n\n^@${BYE}`, answer: connected('1.0') + receipt('bye') },
    { name: 'STOMP', send: `STOMP\naccept-version:1.1\nhost:/\n\n^@${BYE}`, answer: connected('1.1') + receipt('bye') },
    {
      name: 'the highest of the versions is taken',
      send: `CONNECT\naccept-version:1.0,1.1,2.0\n\n^@${BYE}`,
      answer: connected('1.1') + receipt('bye'),
    },
    {
      name: 'a login, and line ends with CR',
      send: `CONNECT\r\naccept-version:1.2\r\nlogin:guest\r\npasscode:guest\r\nhost:/\r\n\r\n^@\r\n${BYE}`,
      answer: connected('1.2') + receipt('bye'),
    },
    {
      name: 'heart-beats are in whole seconds',
      send: `CONNECT\naccept-version:1.2\nheart-beat:1500,500\n\n^@${BYE}`,
      answer: connected('1.2', '1000,1000') + receipt('bye'),
    },
    {
      name: 'blanks around versions',
      send: `CONNECT\naccept-version: 1.1, 1.2\n\n^@${BYE}`,
      answer: connected('1.2') + receipt('bye'),
      differs: 'takes them for parts of the versions',
    },
    {
      name: 'an unknown version',
      send: 'CONNECT\naccept-version:9.0\n\n^@',
      answer: error('Version mismatch', 'Supported versions are 1.0,1.1,1.2\n'),
      differs: STAYS,
    },
    {
      name: 'a wrong password',
      send: 'CONNECT\naccept-version:1.2\nlogin:guest\npasscode:x\n\n^@',
      answer: error('Bad CONNECT', "Access refused for user 'guest'\n"),
      differs: STAYS,
    },
    {
      name: 'an unknown virtual host',
      send: 'CONNECT\naccept-version:1.2\nhost:nope\n\n^@',
      answer: error('Bad CONNECT', "Virtual host 'nope' access denied"),
      differs: STAYS,
    },
    {
      name: 'heart-beats that are none',
      send: 'CONNECT\naccept-version:1.2\nheart-beat:abc\n\n^@',
      answer: error('Invalid header', "'heart-beat' must be two numbers of ms, and is 'abc'\n"),
      differs: 'says no more than Processing error',
    },
    {
      name: 'another frame',
      send: 'SUBSCRIBE\ndestination:/queue/x\nreceipt:1\n\n^@',
      answer: error('Illegal command', 'You must log in using CONNECT first', 'receipt-id:1\n'),
      differs: STAYS,
    },
    {
      name: 'a request of HTTP',
      send: 'GET / HTTP/1.1\r\nHost: x\r\n\r\n^@',
      answer: error('Illegal command', 'You must log in using CONNECT first'),
      differs: STAYS,
    },
    {
      name: 'more headers than anybody needs to log in',
      send: `CONNECT\n${'x:y\n'.repeat(101)}\n^@`,
      answer: error('Malformed frame', 'more than 100 headers\n'),
      differs: 'has no limit',
    },
    {
      name: 'a head that does not end',
      send: 'x'.repeat(17_000),
      answer: error('Malformed frame', 'the headers are longer than 16384 bytes\n'),
      differs: 'has no limit',
    },
  ]
  play(vectors, (send) => send, '')
})

const soft = (name: string, send: string, message: string, body: string, differs?: string): Vector => ({
  name,
  send: send + BYE,
  answer: error(message, body) + receipt('bye'),
  ...(differs === undefined ? {} : { differs }),
})
/** RabbitMQ may say goodbye before it knows that a message was refused. */
const fatal = (name: string, send: string, message: string, body: string, differs?: string): Vector => ({
  name,
  send: isRabbit ? send : send + BYE,
  answer: error(message, body),
  ...(differs === undefined ? {} : { differs }),
})
const VAGUE = 'says no more than Processing error'
const MUTE = 'says nothing'
const UNKNOWN_PREFIX =
  'is not a valid destination.\nValid destination types are: /temp-queue, /exchange, /topic, /queue, /amq/queue, /reply-queue/.\n'
const send = (headers: string, body = 'hi'): string => `SEND\n${headers}\n\n${body}^@`
const subscribe = (headers: string): string => `SUBSCRIBE\n${headers}\n\n^@`

describe('mistakes that leave the connection open', () => {
  const vectors = [
    soft('an unknown command', 'FOO\n\n^@', 'Bad command', 'Could not interpret command "FOO"\n'),
    soft('a command in lower case', 'send\n\n^@', 'Bad command', 'Could not interpret command "send"\n'),
    soft('no destination', 'SEND\n\n^@', 'Missing destination', `"SEND" must include a 'destination' header\n`),
    soft('an unknown kind', send('destination:/foo/x'), 'Unknown destination', `'/foo/x' ${UNKNOWN_PREFIX}`),
    soft('no name', send('destination:/queue'), 'Invalid destination', "'' is not a valid queue destination\n"),
    soft('an empty name', send('destination:/queue/'), 'Invalid destination', "'/' is not a valid queue destination\n"),
    soft(
      'two names',
      send('destination:/topic/a/b'),
      'Invalid destination',
      "'/a/b' is not a valid topic destination\n",
    ),
    soft(
      'no exchange',
      send('destination:/exchange//x'),
      'Invalid destination',
      "'//x' is not a valid exchange destination\n",
    ),
    soft(
      'two keys',
      send('destination:/exchange/a/b/c'),
      'Invalid destination',
      "'/a/b/c' is not a valid exchange destination\n",
    ),
    soft('nothing', send('destination:'), 'Invalid destination', 'Destination cannot be blank'),
    soft(
      'a name that is too long',
      send(`destination:/topic/${'x'.repeat(256)}`),
      'Invalid destination',
      'a name in it is longer than 255 bytes\n',
      'cuts it',
    ),
    soft(
      'SEND to a temporary queue',
      send('destination:/temp-queue/a'),
      'Invalid destination',
      "'/temp-queue/a' is not a valid destination for 'SEND'\n",
    ),
    soft(
      'SUBSCRIBE to one',
      subscribe('id:0\ndestination:/temp-queue/a'),
      'Invalid destination',
      "'/temp-queue/a' is not a valid destination for 'SUBSCRIBE'\n",
    ),
    soft(
      'a message-id',
      send('destination:/topic/a\nmessage-id:1'),
      'Invalid header',
      "'message-id' is not allowed on 'SEND'.\n",
    ),
    soft(
      'a priority that is none',
      send('destination:/topic/a\npriority:x'),
      'Invalid header',
      "'priority' must be an integer, and is 'x'\n",
      VAGUE,
    ),
    soft(
      'a priority beyond 255',
      send('destination:/topic/a\npriority:300'),
      'Invalid header',
      "'priority' must be from 0 to 255\n",
      'takes it modulo 256',
    ),
    soft(
      'a timestamp that is none',
      send('destination:/topic/a\ntimestamp:x'),
      'Invalid header',
      "'timestamp' must be an integer, and is 'x'\n",
      VAGUE,
    ),
    soft(
      'a prefetch that is none',
      subscribe('id:0\ndestination:/topic/a\nprefetch-count:x'),
      'Invalid header',
      "'prefetch-count' must be an integer, and is 'x'\n",
      VAGUE,
    ),
    soft(
      'a prefetch beyond 65535',
      subscribe('id:0\ndestination:/topic/a\nprefetch-count:65536'),
      'Invalid header',
      "'prefetch-count' must be from 0 to 65535\n",
      'takes it modulo 65536',
    ),
    soft(
      'an argument that is none',
      subscribe('id:0\ndestination:/topic/a\nx-message-ttl:x'),
      'Invalid header',
      "'x-message-ttl' must be an integer, and is 'x'\n",
      VAGUE,
    ),
    soft(
      'an offset that is none',
      subscribe('id:0\ndestination:/topic/a\nx-stream-offset:soon'),
      'Invalid header',
      "'x-stream-offset' must be first, last, next, offset=N or timestamp=S, and is 'soon'\n",
      'passes it on',
    ),
    soft(
      'an unknown ack mode',
      subscribe('id:0\ndestination:/topic/a\nack:foo'),
      'Invalid header',
      "'ack' must be auto, client or client-individual, and is 'foo'\n",
      VAGUE,
    ),
    soft(
      'the id of a temporary queue',
      subscribe('id:/temp-queue/x\ndestination:/topic/a'),
      'Invalid id',
      "SUBSCRIBE 'id' may not start with /temp-queue/\n",
      VAGUE,
    ),
    soft(
      'SUBSCRIBE without id or destination',
      'SUBSCRIBE\n\n^@',
      'Missing destination',
      `"SUBSCRIBE" must include a 'destination' header\n`,
    ),
    soft(
      'a durable subscription without id',
      subscribe('destination:/topic/a\ndurable:true'),
      'Missing Header',
      "Header 'id' is required for durable subscriptions",
    ),
    soft(
      'the end of no subscription',
      'UNSUBSCRIBE\nid:9\n\n^@',
      'No subscription found',
      `UNSUBSCRIBE must refer to an existing subscription.\nSubscription to "id='9'" not found.\n`,
    ),
    soft(
      'the end of no destination',
      'UNSUBSCRIBE\ndestination:/queue/x\n\n^@',
      'No subscription found',
      `UNSUBSCRIBE must refer to an existing subscription.\nSubscription to "destination='/queue/x'" not found.\n`,
    ),
    soft(
      'UNSUBSCRIBE without both',
      'UNSUBSCRIBE\n\n^@',
      'Missing destination or id',
      "UNSUBSCRIBE must include a 'destination' or 'id' header",
    ),
    soft(
      'UNSUBSCRIBE of a temporary queue',
      'UNSUBSCRIBE\nid:/temp-queue/x\n\n^@',
      'Invalid id',
      "UNSUBSCRIBE 'id' may not start with /temp-queue/\n",
    ),
    soft('ACK of nothing', 'ACK\n\n^@', 'Missing header', '"ACK" must include the "id" header\n'),
    soft('NACK of what is no id', 'NACK\nid:foo\n\n^@', 'Invalid header', '"NACK" must include a valid "id" header\n'),
    soft(
      'ACK of no subscription',
      'ACK\nid:T_0@@session-x@@1\n\n^@',
      'Subscription not found',
      'Message with id "T_0@@session-x@@1" has no subscription',
    ),
    soft('BEGIN of nothing', 'BEGIN\n\n^@', 'Missing transaction', `"BEGIN" must include a 'transaction' header\n`),
    soft(
      'COMMIT of no transaction',
      'COMMIT\ntransaction:a\n\n^@',
      'Bad transaction',
      'Invalid transaction identifier: "a"\n',
    ),
    soft(
      'ABORT of no transaction',
      'ABORT\ntransaction:a\n\n^@',
      'Bad transaction',
      'Invalid transaction identifier: "a"\n',
    ),
    soft(
      'SEND in no transaction',
      send('destination:/topic/a\ntransaction:b'),
      'Bad transaction',
      'Invalid transaction identifier: "b"\n',
    ),
    soft(
      'the same transaction twice',
      'BEGIN\ntransaction:a\n\n^@'.repeat(2),
      'Bad transaction',
      'Transaction "a" is open already\n',
      'begins it anew',
    ),
  ]
  play(vectors, (frames) => connectTo('1.2') + frames, connected('1.2'))

  test('an error names the frame that was at fault', async () => {
    const answer = await answerTo(`${connectTo('1.2')}UNSUBSCRIBE\nid:9\nreceipt:r1\n\n^@${BYE}`)
    assert.equal(answer.includes('\nreceipt-id:r1\n'), !isRabbit)
  })
})

describe('mistakes that end it', () => {
  const unlisted = 'UNSUBSCRIBE\nid:9\n\n^@'
  const vectors = [
    fatal('a second CONNECT', connectTo('1.2'), 'Illegal command', 'You are connected already\n', MUTE),
    fatal(
      'an id twice',
      subscribe('id:0\ndestination:/topic/a').repeat(2),
      'Duplicated subscription identifier',
      "A subscription identified by 'T_0' already exists.",
    ),
    fatal(
      'a queue that is not there',
      subscribe('id:0\ndestination:/amq/queue/nope'),
      'not_found',
      "NOT_FOUND - no queue 'nope' in vhost '/'",
    ),
    fatal(
      'a reply queue that is not there',
      subscribe('id:0\ndestination:/reply-queue/a'),
      'not_found',
      "NOT_FOUND - no queue 'a' in vhost '/'",
    ),
    fatal(
      'an exchange that is not there',
      send('destination:/exchange/nope'),
      'not_found',
      "NOT_FOUND - no exchange 'nope' in vhost '/'",
    ),
    fatal(
      'a subscription to it',
      subscribe('id:0\ndestination:/exchange/nope/a'),
      'not_found',
      "NOT_FOUND - no exchange 'nope' in vhost '/'",
    ),
    fatal(
      'an argument that the queue refuses',
      subscribe('id:0\ndestination:/queue/refused\nx-message-ttl:-1'),
      'precondition_failed',
      "PRECONDITION_FAILED - invalid arg 'x-message-ttl' for queue 'refused' in vhost '/': {value_negative,-1}",
    ),
    fatal(
      'an expiration that is none',
      send('destination:/topic/e\nexpiration:abc'),
      'precondition_failed',
      "PRECONDITION_FAILED - invalid expiration 'abc': no_integer",
    ),
    fatal(
      'the name of another user',
      send('destination:/topic/e\nuser-id:nope'),
      'precondition_failed',
      "PRECONDITION_FAILED - user_id property set to 'nope' but authenticated user was 'guest'",
    ),
    fatal(
      'a header without a colon',
      `SEND\nfoo\n\nhi^@${unlisted}`,
      'Malformed frame',
      "a header without a colon: 'foo'\n",
      MUTE,
    ),
    fatal(
      'an unknown escape',
      `SEND\nfoo:a\\x\n\nhi^@${unlisted}`,
      'Malformed frame',
      "'\\x' is no escape in a header\n",
      MUTE,
    ),
    fatal(
      'a content-length that is none',
      `SEND\ncontent-length:abc\n\nhi^@${unlisted}`,
      'Malformed frame',
      "the content-length is no number of bytes: 'abc'\n",
      MUTE,
    ),
    fatal(
      'a content-length below zero',
      `SEND\ncontent-length:-1\n\nhi^@${unlisted}`,
      'Malformed frame',
      "the content-length is no number of bytes: '-1'\n",
      MUTE,
    ),
    fatal(
      'a content-length that is too short',
      `SEND\ncontent-length:1\n\nhi^@${unlisted}`,
      'Malformed frame',
      'no NUL where the content-length says that the body ends\n',
      MUTE,
    ),
    fatal(
      'a content-length that is too long to be taken',
      `SEND\ncontent-length:999999999\n\nhi^@${unlisted}`,
      'Malformed frame',
      'a body of 999999999 bytes, and at most 16777216 are taken\n',
      'waits for it',
    ),
    fatal(
      'no blank line',
      `SEND\nfoo:bar^@${unlisted}`,
      'Malformed frame',
      'a NUL among the headers: a blank line ends them\n',
      'takes the next frame for headers',
    ),
    fatal(
      'a header that is no UTF-8',
      `SEND\nfoo:\xff\n\nhi^@${unlisted}`,
      'Malformed frame',
      'a header that is not UTF-8\n',
      'takes any octets',
    ),
  ]
  play(vectors, (frames) => connectTo('1.2') + frames, connected('1.2'))
})

describe('messages', () => {
  const message = (headers: string, body: string): string =>
    `MESSAGE\n${headers}\n${body === '' ? '' : `content-length:${Buffer.byteLength(body)}\n`}\n${body}^@\n`
  const to = (destination: string, more = ''): string => `id:0\ndestination:${destination}${more}`

  const vectors: (Vector & { readonly version: string })[] = [
    {
      name: 'to a topic in 1.0, without an id',
      version: '1.0',
      send: `${subscribe('destination:/topic/v1.*\nreceipt:s')}${send('destination:/topic/v1.a', 'x')}`,
      answer: `${receipt('s')}${message('destination:/topic/v1.a\nmessage-id:Q_/topic/v1.*@@session-S@@1\nredelivered:false', 'x')}`,
    },
    {
      name: 'to a topic in 1.1, with escapes',
      version: '1.1',
      send: `${subscribe(`${to('/topic/v2')}\nreceipt:s`)}${send('destination:/topic/v2\nfoo:a\\cb\\n\\\\', '')}`,
      answer: `${receipt('s')}${message('subscription:0\ndestination:/topic/v2\nmessage-id:T_0@@session-S@@1\nredelivered:false\nfoo:a\\cb\\n\\\\', '')}`,
    },
    {
      name: 'to acknowledge in 1.2',
      version: '1.2',
      send: `${subscribe(`${to('/topic/v3', '\nack:client')}\nreceipt:s`)}${send('destination:/topic/v3', 'x')}`,
      answer: `${receipt('s')}${message('subscription:0\ndestination:/topic/v3\nmessage-id:T_0@@session-S@@1\nredelivered:false\nack:T_0@@session-S@@1', 'x')}`,
    },
    {
      name: 'with slashes in names',
      version: '1.2',
      send: `${subscribe(`${to('/exchange/amq.direct/k%2F1')}\nreceipt:s`)}${send('destination:/exchange/amq.direct/k%2F1', 'x')}`,
      answer: `${receipt('s')}${message('subscription:0\ndestination:/exchange/amq.direct/k%2F1\nmessage-id:T_0@@session-S@@1\nredelivered:false', 'x')}`,
    },
    {
      name: 'of an exchange without a key',
      version: '1.2',
      send: `${subscribe(`${to('/exchange/amq.fanout')}\nreceipt:s`)}${send('destination:/exchange/amq.fanout', 'x')}`,
      answer: `${receipt('s')}${message('subscription:0\ndestination:/exchange/amq.fanout\nmessage-id:T_0@@session-S@@1\nredelivered:false', 'x')}`,
    },
    {
      name: 'to a queue of which nothing but the name is said',
      version: '1.2',
      send: `${subscribe(`${to('v6', '\ndurable:false')}\nreceipt:s`)}${send('destination:v6', 'x')}`,
      answer: `${receipt('s')}${message('subscription:0\ndestination:/queue/v6\nmessage-id:T_0@@session-S@@1\nredelivered:false', 'x')}`,
    },
    {
      name: 'with NULs, where the length is given',
      version: '1.2',
      send: `${subscribe(`${to('/topic/v7')}\nreceipt:s`)}${send('destination:/topic/v7\ncontent-length:5', 'a^@b^@c')}`,
      answer: `${receipt('s')}${message('subscription:0\ndestination:/topic/v7\nmessage-id:T_0@@session-S@@1\nredelivered:false', 'a\0b\0c').replaceAll('\0', '^@')}`,
    },
    {
      name: 'to the sender itself, by a temporary queue',
      version: '1.2',
      send: `${subscribe(`${to('/topic/v8')}\nreceipt:s`)}${send('destination:/topic/v8\nreply-to:/temp-queue/foo', 'x')}`,
      answer: `${receipt('s')}${message('subscription:0\ndestination:/topic/v8\nmessage-id:T_0@@session-S@@1\nredelivered:false\nreply-to:/reply-queue/amq.gen-G', 'x')}`,
    },
  ]
  for (const { name, version, send: frames, answer } of vectors) {
    test(name, async () => {
      for (const cut of Object.values(CUTS)) {
        const { hostname, port } = new URL(target.url)
        const wire = await WireClient.connect(hostname, Number(port), cut)
        await wire.send(Buffer.from((connectTo(version) + frames).replaceAll('^@', '\0'), 'latin1'))
        assert.equal(await untilMessage(wire), connected(version) + answer)
      }
    })
  }

  /** What has come up to the end of the first MESSAGE; then the client goes. */
  async function untilMessage(wire: WireClient): Promise<string> {
    let got = ''
    const isWhole = (): boolean => /MESSAGE\n[^]*\0\n$/.test(got)
    while (!isWhole()) {
      const byte = await wire.bytes(1)
      if (byte.length === 0) break
      got += byte.toString('latin1')
    }
    wire.destroy()
    return got
      .replaceAll('\0', '^@')
      .replace(SERVER, '')
      .replaceAll(SESSION, 'session-S')
      .replaceAll(GENERATED, 'amq.gen-G')
  }
})
