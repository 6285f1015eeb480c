import type { QueueSettings } from './queue-settings.ts'
import type { QueueType } from './queue-type.ts'

/** What decides about the levels of a queue's messages. */
export interface LevelRules {
  readonly rules: QueueType
  readonly settings: QueueSettings
}

/** More than any message has. */
const LEVELS_MAX = 256

/**
 * By level, the one that messages get when their queue changes its priorities, as far as that can be told without the messages: at a level
 * where several new ones may hide, those without a priority count. Used twice it gives the same as once.
 */
export function levelMapOf(before: LevelRules, after: LevelRules): number[] {
  const levels = before.rules.levels(before.settings)
  const highest = after.rules.levels(after.settings) - 1
  const plain = { from: before.settings.defaultPriority, to: after.settings.defaultPriority }
  const map = Array.from({ length: Math.min(levels, LEVELS_MAX) }, (_, level) => Math.min(level, highest))
  if (plain.from === plain.to || plain.from >= levels) return map
  map[plain.from] = plain.to
  // a level that others go to must stay what it is
  if (map.some((level) => (map[level] ?? level) !== level)) map[plain.from] = Math.min(plain.from, highest)
  return map
}

/**
 * By level, the one that messages get when the broker may have ended in the middle of a change, until they tell themselves: the log may have
 * them at levels of before or of after it. Where there is one level only, that is it; at the lowest, which is that of messages without a
 * priority in most queues, these count. Used twice it gives the same as once.
 */
export function levelsAfterCrash({ rules, settings }: LevelRules): number[] {
  const { groups, defaultPriority } = settings
  const highest = rules.levels(settings) - 1
  // a group would overtake itself if its messages had several
  const levelOf = (level: number): number =>
    groups !== null || level === 0 ? defaultPriority : Math.min(level, highest)
  return Array.from({ length: LEVELS_MAX }, (_, level) => levelOf(level))
}

/** Whether such a map changes nothing. */
export const isIdentity = (levels: readonly number[]): boolean => levels.every((level, before) => level === before)
