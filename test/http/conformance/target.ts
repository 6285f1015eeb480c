import { request as httpRequest } from 'node:http'
import { startApi } from '../support.ts'

/** What is asked, of WarrenMQ and of RabbitMQ alike. */
export interface Asked {
  readonly method: string
  /** Below `/api/`, or from the root where it begins with a slash. */
  readonly path: string
  /** JSON, or text as it is. */
  readonly body?: unknown
  /** A user whose password is the name; guest unless given, null for nobody. */
  readonly as?: string | null
  readonly headers?: Readonly<Record<string, string>>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
}

/** A broker to ask. */
export interface Target {
  readonly nodeName: string
  ask(asked: Asked): Promise<Answer>
}

/** Address of a RabbitMQ's management plugin, such as `http://guest:guest@localhost:15672`; undefined where there is none to compare with. */
export const RABBITMQ = process.env['RABBITMQ_MANAGEMENT_URL']

export async function warren(): Promise<Target> {
  const { request, bench } = await startApi()
  return {
    nodeName: bench.broker.options.nodeName,
    async ask({ method, path, body, as = 'guest', headers = {} }) {
      const options = { ...(body === undefined ? {} : { body }), as, headers: { ...JSON_TYPE, ...headers } }
      const answer = await request(method, path, options)
      const shown = Object.entries(answer.headers).map(([name, value]) => [name, String(value)])
      return { status: answer.statusCode, headers: Object.fromEntries(shown), text: answer.body }
    },
  }
}

export async function rabbit(address: string): Promise<Target> {
  const url = new URL(address)
  const login = { guest: `${url.username || 'guest'}:${url.password || 'guest'}` }
  const ask = ({ method, path, body, as = 'guest', headers = {} }: Asked): Promise<Answer> => {
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
    const credentials = as === null ? null : as === 'guest' ? login.guest : `${as}:${as}`
    return send(url, {
      method,
      path: path.startsWith('/') ? path : `/api/${path}`,
      headers: {
        ...JSON_TYPE,
        ...(credentials === null ? {} : { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` }),
        ...headers,
      },
      text,
    })
  }
  const { text } = await ask({ method: 'GET', path: 'overview?columns=node' })
  return { nodeName: (JSON.parse(text) as { node: string }).node, ask }
}

/** Some of RabbitMQ's resources want to be told. */
const JSON_TYPE = { 'content-type': 'application/json' }

interface Sent {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly text: string | undefined
}

const send = ({ hostname, port }: URL, { text, ...options }: Sent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const length = { 'content-length': String(Buffer.byteLength(text ?? '')) }
    const headers = text === undefined ? options.headers : { ...options.headers, ...length }
    const sent = httpRequest({ hostname, port, ...options, headers, agent: false }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () =>
        resolve({
          status: response.statusCode!,
          headers: response.headers as Answer['headers'],
          text: Buffer.concat(parts).toString(),
        }),
      )
    })
    sent.on('error', reject)
    sent.end(text)
  })
