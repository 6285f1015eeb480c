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
 * By level, the one that a message gets when the broker may have ended in the middle of a change: of what is in the log, levels may be those
 * of before or of after it. Where all messages have one level, that is it. Used twice it gives the same as once.
 */
export function levelsAfterCrash({ rules, settings }: LevelRules): number[] {
  const highest = rules.levels(settings) - 1
  // a group would overtake itself if its messages had both
  const levelOf = (level: number): number =>
    settings.groups === null ? Math.min(level, highest) : settings.defaultPriority
  return Array.from({ length: LEVELS_MAX }, (_, level) => levelOf(level))
}

/** Whether such a map changes nothing. */
export const isIdentity = (levels: readonly number[]): boolean => levels.every((level, before) => level === before)
