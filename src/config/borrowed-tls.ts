import { resolve } from 'node:path'
import type { TlsConfig } from './config.ts'

/** What a port may have of its own; null where that of the AMQP listeners is taken. */
interface OwnFiles {
  readonly caFile: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
  /** Of the key of its own. */
  readonly password: string | null
}

type Files = Pick<TlsConfig, 'caFile' | 'certFile' | 'keyFile' | 'password'>

/** @param missing told of each file that neither the port nor the AMQP listeners have */
export function borrowFiles(
  own: OwnFiles,
  amqp: TlsConfig | null,
  missing: (key: 'certfile' | 'keyfile') => void,
): Files {
  const certFile = own.certFile === null ? amqp?.certFile : resolve(own.certFile)
  const keyFile = own.keyFile === null ? amqp?.keyFile : resolve(own.keyFile)
  if (certFile === undefined) missing('certfile')
  if (keyFile === undefined) missing('keyfile')
  return {
    caFile: own.caFile === null ? (amqp?.caFile ?? null) : resolve(own.caFile),
    certFile: certFile ?? '',
    keyFile: keyFile ?? '',
    password: own.keyFile === null ? (amqp?.password ?? null) : own.password,
  }
}
