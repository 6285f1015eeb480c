import type { Interner } from '../../util/interner.ts'
import type { Clients } from './clients.ts'
import type { Composer } from './compose.ts'
import type { NodeCounters } from './node-counters.ts'
import type { OutgoingTopics } from './outgoing-topics.ts'
import type { StoredPacketIds } from './packet-ids.ts'
import type { RetainedMessages } from './retained/retained-messages.ts'
import type { MqttSettings } from './settings.ts'
import type { SharedGroups } from './shared-groups.ts'
import type { SysTopics } from './sys-topics.ts'
import type { TopicMapping } from './topics.ts'
import type { Wills } from './wills.ts'

/** What all MQTT connections of a server share. */
export interface MqttContext {
  readonly settings: MqttSettings
  readonly mapping: TopicMapping
  /** Topics that come often. */
  readonly topics: Interner
  readonly outgoingTopics: OutgoingTopics
  readonly composer: Composer
  readonly retained: RetainedMessages
  readonly packetIds: StoredPacketIds
  readonly clients: Clients
  readonly groups: SharedGroups
  readonly wills: Wills
  readonly counters: NodeCounters
  readonly sysTopics: SysTopics
}
