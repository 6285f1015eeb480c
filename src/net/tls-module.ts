import type * as tls from 'node:tls'

/**
 * Node's TLS, loaded when it is first used: it takes 3 MB and 8 ms, which a broker without TLS goes without. Not by `import()`, since who
 * uses it cannot wait.
 */
export const tlsModule = (): typeof tls => process.getBuiltinModule('node:tls')
