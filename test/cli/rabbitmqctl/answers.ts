import type { Step } from './steps.ts'

/** What a tool answers to a step. */
export interface Answer {
  readonly code: number
  readonly stdout: readonly string[]
  readonly stderr: readonly string[]
}

export interface RawAnswer {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What differs from one broker and one run to the next is made the same. */
export function normalise({ code, stdout, stderr }: RawAnswer, step: Step, node: string): Answer {
  const clean = (text: string): string[] => {
    const all = text
      .replaceAll(/\u001b(\[[0-9;]*m|\(.)/g, '')
      // The usage that follows a mistake has the name of the tool in it, and log lines slip in between.
      .replace(/\n+Usage\n[^]*/, '\n')
      .replaceAll(/^\d\d:\d\d:\d\d\.\d+ \[\w+\].*$/gm, '')
      .replaceAll(/^Arguments given:\n.*$/gm, 'Arguments given:')
      .replaceAll(node, 'NODE')
      .replaceAll(/<NODE\.[\d.]+>/g, 'PID')
      .split('\n')
      .map((line) => line.trimEnd())
      .filter((line) => line !== '')
    const kept = step.lines === undefined ? all : all.filter((line) => step.lines!.test(line))
    return step.unordered === true ? kept.toSorted() : kept
  }
  return { code, stdout: clean(stdout), stderr: clean(stderr) }
}

/** A step as one line. */
export const askedBy = ({ tool, args }: Step): string => [tool ?? 'ctl', ...args].join(' ')
