import type { Traffic } from '../core/client-connection.ts'
import type { Transport } from '../net/transport.ts'

/** What a connection has sent and received, as the core counts it. */
export const trafficOf = ({ bytesIn, readsIn, bytesOut, writesOut, pending }: Transport): Traffic => ({
  receivedBytes: bytesIn,
  receivedPackets: readsIn,
  sentBytes: bytesOut,
  sentPackets: writesOut,
  pendingBytes: pending,
})
