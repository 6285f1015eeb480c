import { type KeyObject, generateKeyPairSync } from 'node:crypto'
import { createServer, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { SignJWT } from 'jose'
import type { Identity } from './certificates.ts'

export type Claims = Readonly<Record<string, unknown>>

export interface SigningKey {
  readonly kid: string
  readonly alg: string
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

export function newKey(kid: string, alg: 'RS256' | 'ES256' = 'ES256'): SigningKey {
  const pair =
    alg === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, alg, ...pair }
}

/** Signs tokens, and publishes the keys as an OAuth 2 provider does. */
export class TokenIssuer {
  /** Those that are published. */
  keys: SigningKey[] = [newKey('key-1')]
  /** Paths that were asked for. */
  readonly asked: string[] = []
  /** In place of what is published. */
  instead: ((response: ServerResponse) => void) | null = null
  readonly #server
  readonly #scheme: string

  static async start(tls: Identity | null = null): Promise<TokenIssuer> {
    const issuer = new TokenIssuer(tls)
    await new Promise<void>((resolve) => issuer.#server.listen(0, 'localhost', resolve))
    return issuer
  }

  private constructor(tls: Identity | null) {
    const answer: RequestListener = (request, response) => {
      this.asked.push(request.url!)
      if (this.instead !== null) this.instead(response)
      else if (request.url!.startsWith('/.well-known/')) response.end(JSON.stringify({ jwks_uri: `${this.url}/keys` }))
      else response.end(JSON.stringify(this.keySet()))
    }
    this.#scheme = tls === null ? 'http' : 'https'
    this.#server = tls === null ? createServer(answer) : createHttpsServer({ cert: tls.cert, key: tls.key }, answer)
  }

  get url(): string {
    return `${this.#scheme}://localhost:${(this.#server.address() as AddressInfo).port}`
  }

  keySet(): { keys: unknown[] } {
    return {
      keys: this.keys.map(({ kid, alg, publicKey }) => ({
        ...publicKey.export({ format: 'jwk' }),
        kid,
        alg,
        use: 'sig',
      })),
    }
  }

  /** @param key the first that is published unless given */
  sign(claims: Claims, key: SigningKey = this.keys[0]!): Promise<string> {
    return new SignJWT({ ...claims }).setProtectedHeader({ alg: key.alg, kid: key.kid }).sign(key.privateKey)
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
