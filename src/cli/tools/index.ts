import type { Tool } from './tool.ts'

/** The commands beside `ctl`; each is loaded when it is called. */
export const TOOLS: Readonly<Record<string, () => Promise<Tool>>> = {
  move: async () => (await import('./transfer.ts')).moveTool,
  completion: async () => (await import('../completion/completion-tool.ts')).completionTool,
  copy: async () => (await import('./transfer.ts')).copyTool,
  export: async () => (await import('./export.ts')).exportTool,
  import: async () => (await import('./import.ts')).importTool,
  perf: async () => (await import('../perf/perf-tool.ts')).perfTool,
  tail: async () => (await import('./tail.ts')).tailTool,
}
