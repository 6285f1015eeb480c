import type { EffectiveSetting } from './effective.ts'
import type { BackendName } from './login-options.ts'
import type { OptionValues } from './options.ts'
import type { RetentionPolicies } from './retention.ts'

/** A resolved listener: every one of `hosts` on `port`; 0 lets the operating system choose. */
export interface ListenerConfig {
  readonly name: string
  readonly hosts: readonly string[]
  readonly port: number
}

/** Where a protocol besides AMQP is spoken. */
export interface ProtocolListeners {
  readonly tcp: readonly ProtocolListener[]
  readonly tls: readonly ListenerConfig[]
  readonly proxyProtocol: boolean
  /** WebSocket, on ports of its own; `tls` makes it secure. */
  readonly web: readonly (ProtocolListener & { readonly tls: TlsConfig | null })[]
  readonly webPath: string
  readonly webProxyProtocol: boolean
  /** Of one WebSocket message. */
  readonly webMessageBytesMax: number
  /** Time without a word from a client after which its WebSocket is closed; null: any. */
  readonly webIdleMs: number | null
  /** Whether WebSocket messages may be compressed. */
  readonly webCompresses: boolean
  /** WebSockets of each port; null: any number. */
  readonly webConnectionsMax: number | null
  /** Of whose pages; empty, or with `*`: any. */
  readonly webOrigins: readonly string[]
}

export interface ProtocolListener extends ListenerConfig {
  /** Nobody asked for this port: where it is taken, the broker does without. */
  readonly isDefault: boolean
}

export type TlsVersion = OptionValues['tls']['versions'][number]

export interface TlsConfig {
  readonly caFile: string | null
  readonly certFile: string
  readonly keyFile: string
  readonly password: string | null
  /** Ask clients for a certificate and check it. */
  readonly verifyPeer: boolean
  readonly requireCertificate: boolean
  readonly versions: readonly TlsVersion[]
  /** Empty: those of Node.js. */
  readonly ciphers: readonly string[]
  readonly honorCipherOrder: boolean
  readonly handshakeTimeoutMs: number
}

/** A threshold in bytes or as a multiple of the memory that the process may use: exactly one of the two is set. */
export interface Watermark {
  readonly bytes: number | null
  readonly relativeToMemory: number | null
}

export interface VhostLimits {
  readonly name: string
  /** A regular expression on the name of the virtual host. */
  readonly pattern: string
  readonly connectionsMax: number | null
  readonly queuesMax: number | null
}

export interface OperatorPolicyTemplate {
  readonly name: string
  /** Regular expressions. */
  readonly vhostPattern: string
  readonly queuePattern: string
  /** By the keys of policies, `max-length` and so on; times in ms, sizes in bytes. */
  readonly definition: Readonly<Record<string, number>>
}

/** Who issues tokens. */
export interface OAuthProviderConfig {
  readonly issuer: string | null
  readonly discoveryPath: string
  readonly discoveryParams: ReadonlyMap<string, string>
  readonly jwksUrl: string | null
  /** By key id: absolute paths of PEM files, or the PEM or JWK text itself. */
  readonly signingKeys: ReadonlyMap<string, string>
  readonly defaultKey: string | null
  /** Empty: those that fit the key. */
  readonly algorithms: readonly string[]
  readonly verify: 'verify_peer' | 'verify_none'
  readonly caFile: string | null
}

/** What the broker is called in tokens, and how to read those that are for it. */
export interface ResourceServerConfig {
  readonly id: string
  readonly type: string | null
  readonly scopePrefix: string
  readonly verifyAudience: boolean
  readonly usernameClaims: readonly string[]
  readonly additionalScopesKey: string | null
  readonly scopeAliases: ReadonlyMap<string, readonly string[]>
  /** Key into the providers; '' is the one without a name. */
  readonly provider: string
}

interface LogSinkConfig {
  readonly level: OptionValues['log']['level']
  readonly format: OptionValues['log']['consoleFormat']
}

/** Everything that can be configured, checked and with defaults filled in. Null means "off" or "no limit". */
export interface Config {
  readonly node: {
    readonly name: string
    readonly clusterName: string
    /** Said to clients in the handshake. */
    readonly announced: { readonly product: string; readonly version: string; readonly platform: string }
  }
  /** Null: off. True: what a message has already is overwritten. */
  readonly interceptors: { readonly timestamp: boolean | null; readonly routingNode: boolean | null }
  /** Of `amq.rabbitmq.event`; null where there is none. */
  readonly eventExchangeVhost: string | null
  readonly plugins: {
    /** Packages or paths. */
    readonly names: readonly string[]
    /** By `NAME.KEY`. */
    readonly settings: ReadonlyMap<string, string>
  }
  /** Absolute. Null: everything is in memory. */
  readonly dataDir: string | null
  readonly store: {
    readonly segmentBytes: number
    /** For queued messages; null: a share of the memory watermark. */
    readonly messageMemoryBytes: number | null
  }
  readonly listeners: {
    readonly tcp: readonly ListenerConfig[]
    readonly tls: readonly ListenerConfig[]
    /** Addresses of listeners that name none. */
    readonly bind: readonly string[]
    readonly proxyProtocol: boolean
    readonly backlog: number
    readonly nodelay: boolean
    readonly keepalive: boolean
    /** That do TLS; 0: the broker's own does. */
    readonly tlsThreads: number
  }
  /** Null when neither certificate nor TLS listener is configured. */
  readonly tls: TlsConfig | null
  /** The HTTP API, the web console and AMQP over WebSocket. */
  readonly http: {
    /** Empty when it is off. `tls` makes it HTTPS. */
    readonly listeners: readonly (ListenerConfig & { readonly tls: TlsConfig | null })[]
    /** '' or a path with a slash before it and none behind. */
    readonly pathPrefix: string
    /** Origins whose pages may use the HTTP API; `*` is any. */
    readonly corsOrigins: readonly string[]
    readonly corsMaxAgeSec: number | null
    /** Null: the console's own. */
    readonly contentSecurityPolicy: string | null
    /** Null: none. */
    readonly strictTransportSecurity: string | null
    /** Of a request's body. */
    readonly bodyBytesMax: number
    /** Nobody sets or clears operator policies over HTTP. */
    readonly operatorPoliciesReadOnly: boolean
    /** Idle time after which a sign-in of the web console ends. */
    readonly signInTimeoutMs: number
  }
  /** Those besides AMQP; null where one is not spoken. */
  readonly protocols: {
    readonly mqtt: ProtocolListeners | null
    readonly stomp: ProtocolListeners | null
  }
  /** MQTT apart from where it is. Counts are -1 for no limit. */
  readonly mqtt: {
    readonly vhost: string
    readonly exchange: string
    readonly prefetch: number
    /** Infinity for ever. */
    readonly maxSessionExpirySec: number
    readonly durableQueueType: OptionValues['mqtt']['durableQueueType']
    readonly packetBytesMaxUnauthenticated: number
    readonly packetBytesMax: number
    readonly topicAliasMaximum: number
    readonly receiveMaximum: number
    /** 0 for no limit. */
    readonly maxKeepAliveSec: number
    readonly disconnectOnUnauthorized: boolean
    readonly sparkplug: boolean
    /** Null: clients are sent nowhere. */
    readonly serverReference: string | null
    readonly loginTimeoutMs: number
    /** 0 for never. */
    readonly sysIntervalMs: number
    readonly retained: { readonly messagesMax: number; readonly bytesMax: number }
    /** Who a client is that names nobody; null where it is refused. */
    readonly anonymous: { readonly user: string; readonly password: string } | null
    /** Whether certificates log clients in. */
    readonly takesCertificates: boolean
  }
  readonly stomp: OptionValues['stomp']
  /** AMQP over WebSocket, on the HTTP ports. */
  readonly websocket: { readonly path: string; readonly compress: boolean } | null
  /** Rates and histories in the HTTP API. */
  readonly statistics: {
    readonly intervalMs: number
    readonly ratesMode: OptionValues['statistics']['ratesMode']
    readonly retention: RetentionPolicies
    readonly disableStats: boolean
    readonly enableQueueTotals: boolean
  }
  /** Absolute: where traces are written to; null for none. */
  readonly tracesDir: string | null
  /** Metrics for Prometheus. */
  readonly prometheus: {
    readonly plain: ListenerConfig | null
    /** Somebody asked for that port: else the broker does without when it cannot be had. */
    readonly isPlainGiven: boolean
    readonly tls: { readonly listener: ListenerConfig; readonly settings: TlsConfig } | null
    readonly path: string
    readonly perObject: boolean
    readonly authentication: boolean
  }
  /** Spans for OpenTelemetry; null where nobody collects them. */
  readonly opentelemetry: {
    readonly endpoint: string
    readonly sampleRatio: number
    readonly headers: ReadonlyMap<string, string>
    readonly serviceName: string
  } | null
  readonly auth: {
    /** In the order of the configuration; ANONYMOUS is among them only when `anonymous` is set. */
    readonly mechanisms: OptionValues['auth']['mechanisms']
    readonly loopbackUsers: readonly string[]
    readonly anonymous: { readonly user: string; readonly password: string } | null
    /** What passwords have to be like. */
    readonly credentialValidator: {
      readonly kind: OptionValues['auth']['validator']
      /** Of UTF-8. */
      readonly bytesMin: number
      /** A PCRE; there is one where `kind` needs it. */
      readonly pattern: string | null
    }
    readonly certificateLogin: {
      readonly from: OptionValues['auth']['certificateLogin']
      readonly sanType: OptionValues['auth']['sanType']
      readonly sanIndex: number
    }
  }
  /** Who is asked about logins, and how. */
  readonly logins: {
    /** In their order. Null: who knows users also knows what they may do. */
    readonly backends: readonly { readonly authn: BackendName; readonly authz: readonly BackendName[] | null }[]
    readonly trackSources: boolean
    readonly ldap: OptionValues['ldap']
    readonly http: OptionValues['httpLogins']
    readonly cache: {
      readonly authn: Exclude<BackendName, 'cache'> | null
      readonly authz: Exclude<BackendName, 'cache'> | null
      readonly ttlMs: number
      readonly refusals: boolean
    }
    readonly oauth2: {
      readonly servers: readonly ResourceServerConfig[]
      readonly providers: ReadonlyMap<string, OAuthProviderConfig>
    }
  }
  readonly connection: {
    readonly handshakeTimeoutMs: number
    readonly heartbeatSec: number
    readonly frameMaxBytes: number
    readonly initialFrameMaxBytes: number
    /** 0: no limit. */
    readonly channelMax: number
  }
  readonly limits: {
    readonly connectionsMax: number | null
    readonly channelsMax: number | null
    readonly consumersPerChannelMax: number | null
    readonly vhostsMax: number | null
    readonly queuesMax: number | null
    readonly exchangesMax: number | null
    readonly messageBytesMax: number
  }
  readonly queues: {
    readonly defaultType: OptionValues['queues']['defaultType']
    readonly consumerTimeoutMs: number | null
    /** 0: no limit. */
    readonly defaultPrefetch: number
  }
  /** Publishers are held back above this. */
  readonly memory: Watermark
  /** Publishers are held back when less than this is free. */
  readonly disk: Watermark
  /** What a first start creates. */
  readonly defaults: {
    readonly user: string
    readonly password: string
    readonly vhost: string
    readonly tags: readonly string[]
    readonly permissions: { readonly configure: string; readonly write: string; readonly read: string }
    readonly vhostLimits: readonly VhostLimits[]
    readonly operatorPolicies: readonly OperatorPolicyTemplate[]
  }
  /** File to import definitions from at start. */
  readonly definitionsFile: string | null
  readonly log: {
    readonly console: LogSinkConfig | null
    readonly file: (LogSinkConfig & { readonly path: string }) | null
    /** To `amq.rabbitmq.log`. */
    readonly exchange: LogSinkConfig | null
  }
  /** The files that were read, in order. */
  readonly files: readonly string[]
  /** What is in the files and is not done, and would be missed: for the log. */
  readonly warnings: readonly string[]
  /** Keys that were accepted and have no meaning here. */
  readonly ignored: readonly string[]
  /** All options as they are in force, without secrets. */
  readonly effective: readonly EffectiveSetting[]
  /** The variables of the environment that were read, without secrets. */
  readonly environment: Readonly<Record<string, string>>
}
