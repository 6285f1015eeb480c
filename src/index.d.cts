// The types for CommonJS under `module: node16`, which takes `require` of an ES module for an error; Node.js does not.
import type * as warrenmq from './index.js' with { 'resolution-mode': 'import' }

export type * from './index.js' with { 'resolution-mode': 'import' }
export declare const startBroker: typeof warrenmq.startBroker
export declare const virtualClock: typeof warrenmq.virtualClock
export declare const BrokerError: typeof warrenmq.BrokerError
export type BrokerError = warrenmq.BrokerError
