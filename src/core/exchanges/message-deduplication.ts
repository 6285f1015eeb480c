import { DEDUPLICATION_EXCHANGE } from '../deduplication/settings.ts'
import type { ExchangeType } from './exchange-type.ts'
import { fanout } from './fanout.ts'

/** The type of the plugin rabbitmq-message-deduplication. Its routes are those of a fanout; what is left out is asked before. */
export const messageDeduplication: ExchangeType = { ...fanout, name: DEDUPLICATION_EXCHANGE }
