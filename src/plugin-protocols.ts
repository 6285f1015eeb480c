import type { Config } from './config/config.ts'
import type { listen } from './net/listener.ts'
import type { TlsContext } from './net/tls.ts'
import { type OpenedListeners, urlOf } from './opened-listeners.ts'
import { PluginError } from './plugins/load.ts'
import type { PluginListener, PluginProtocol, ProtocolParts } from './plugins/protocol.ts'
import type { FrontEnd } from './protocols/front-end.ts'

/** A protocol of a plugin, and where it is to be spoken. */
export interface AddedProtocol {
  readonly name: string
  readonly frontEnd: FrontEnd
  readonly listeners: readonly PluginListener[]
}

/** @throws PluginError */
export function createAdded(protocols: readonly PluginProtocol[], parts: ProtocolParts): AddedProtocol[] {
  return protocols.map((protocol) => {
    const { name } = protocol
    try {
      const listeners = protocol.listeners()
      return { name, frontEnd: protocol.create({ ...parts, log: parts.log.child({ protocol: name }) }), listeners }
    } catch (error) {
      throw new PluginError(`protocol '${name}' cannot be started: ${(error as Error).message}`, error)
    }
  })
}

/** @throws ListenError, PluginError */
export async function openAdded(
  { name, frontEnd, listeners }: AddedProtocol,
  {
    config,
    tls,
    log,
    opened,
    open,
  }: {
    config: Config
    tls: TlsContext | null
    log: ProtocolParts['log']
    opened: OpenedListeners
    open: typeof listen
  },
): Promise<void> {
  const { backlog, nodelay, keepalive, bind } = config.listeners
  const onConnection = frontEnd.accept.bind(frontEnd)
  for (const { port, host, tls: isTls = false } of listeners) {
    if (isTls && tls === null) throw new PluginError(`protocol '${name}' needs a certificate: ssl_options.certfile`)
    const row = { name, hosts: host === undefined ? bind : [host], port }
    const security = isTls ? { tls } : {}
    const listener = await open({ ...row, ...security, backlog, nodelay, keepalive, log, onConnection })
    opened.urls.plugins.push(urlOf(isTls ? `${name}s` : name, row, listener))
    opened.add(isTls ? `${name}/ssl` : name, listener, isTls ? tls : null)
  }
}
