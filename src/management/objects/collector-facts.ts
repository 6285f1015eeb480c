import { getHeapStatistics } from 'node:v8'

const WORD_BYTES = 8

const facts = {
  fullsweep_after: 0,
  // in words, as the Erlang VM counts
  max_heap_size: Math.floor(getHeapStatistics().heap_size_limit / WORD_BYTES),
  min_heap_size: 0,
  min_bin_vheap_size: 0,
  minor_gcs: 0,
} as const

/** RabbitMQ collects garbage for each queue, channel and connection; here there is one heap for all, whose limit this is. */
export const collectorFacts = (): object => facts
