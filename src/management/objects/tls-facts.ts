import type { Row } from './queue.ts'

/**
 * What is shown of TLS, in RabbitMQ's words: `tlsv1.2`, `ecdhe_rsa`, `aes_128_cbc`, `sha256`. Where the cipher authenticates what it
 * encrypts the hash is `aead`, and from TLS 1.3 on the suite does not name a key exchange, which is then `any`.
 */
export function tlsFacts(tls: { readonly protocol: string; readonly cipher: string } | null): Row {
  if (tls === null) return { ssl_protocol: null, ssl_key_exchange: null, ssl_cipher: null, ssl_hash: null }
  const suite = tls.cipher.toLowerCase().replace(/^tls_/, '')
  const [keyExchange, rest] = suite.includes('_with_') ? (suite.split('_with_') as [string, string]) : ['any', suite]
  const [, cipher, hash] = /^(.*?)(?:_(sha\d*|md5))?$/.exec(rest)!
  return {
    ssl_protocol: tls.protocol.toLowerCase(),
    ssl_key_exchange: keyExchange,
    ssl_cipher: cipher,
    ssl_hash: /gcm|ccm|poly1305/.test(cipher!) ? 'aead' : (hash ?? null),
  }
}
