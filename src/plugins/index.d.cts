// The types for CommonJS under `module: node16`, which takes `require` of an ES module for an error; Node.js does not.
import type * as plugin from './index.js' with { 'resolution-mode': 'import' }

export type * from './index.js' with { 'resolution-mode': 'import' }
export declare const ALLOWED: typeof plugin.ALLOWED
export declare const BrokerError: typeof plugin.BrokerError
export type BrokerError = plugin.BrokerError
export declare const NO_TRAFFIC: typeof plugin.NO_TRAFFIC
export declare const Properties: typeof plugin.Properties
export type Properties = plugin.Properties
export declare const QuietSink: typeof plugin.QuietSink
export type QuietSink = plugin.QuietSink
export declare const REFUSED: typeof plugin.REFUSED
export declare const array: typeof plugin.array
export declare const bool: typeof plugin.bool
export declare const composeMessage: typeof plugin.composeMessage
export declare const definePlugin: typeof plugin.definePlugin
export declare const equalFields: typeof plugin.equalFields
export declare const equalTables: typeof plugin.equalTables
export declare const integerOf: typeof plugin.integerOf
export declare const isInteger: typeof plugin.isInteger
export declare const keptTable: typeof plugin.keptTable
export declare const long: typeof plugin.long
export declare const longstr: typeof plugin.longstr
export declare const numberOf: typeof plugin.numberOf
export declare const preconditionFailed: typeof plugin.preconditionFailed
export declare const refusedBy: typeof plugin.refusedBy
export declare const signedint: typeof plugin.signedint
export declare const stringOf: typeof plugin.stringOf
export declare const table: typeof plugin.table
export declare const timestamp: typeof plugin.timestamp
export declare const withProperties: typeof plugin.withProperties
