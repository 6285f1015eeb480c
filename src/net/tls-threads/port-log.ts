import type { Log, LogFacts } from '../../telemetry/log.ts'
import type { LogLine } from './messages.ts'

/** A log whose lines are written by another thread, which knows the level: what is logged here is little enough. */
export function portLog(post: (line: LogLine) => void, common: LogFacts = {}): Log {
  const write =
    (level: LogLine['level']) =>
    (text: string, facts?: LogFacts): void =>
      post({ kind: 'log', level, text, facts: { ...common, ...facts } })
  return {
    debugOn: true,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (facts) => portLog(post, { ...common, ...facts }),
  }
}
