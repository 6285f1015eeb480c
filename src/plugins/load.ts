import { createRequire, registerHooks } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from './plugin.ts'

/** A plugin cannot be used; the text says which one and why. */
export class PluginError extends Error {
  constructor(text: string, cause?: unknown) {
    super(text, { cause })
    this.name = 'PluginError'
  }
}

/** What plugins import. Wherever they are installed, that has to be this broker's own: another copy has other classes. */
const ENTRY = 'warrenmq/plugin'
/** The sources and what is built from them have different endings. */
const OWN_ENTRY = new URL(import.meta.url.replace(/load(\.\w+)$/, 'index$1')).href
let hooked = false

function leadToThisBroker(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === ENTRY ? { url: OWN_ENTRY, shortCircuit: true } : next(specifier, context),
  })
}

/**
 * Loads a plugin by the name of its npm package, or by the path of its file or folder.
 * @param from folder that relative paths start from, and packages are installed in
 * @throws PluginError
 */
export async function loadPlugin(specifier: string, from: string): Promise<Plugin> {
  leadToThisBroker()
  let loaded: { default?: unknown }
  try {
    const isPath = isAbsolute(specifier) || /^\.{1,2}[/\\]/.test(specifier)
    const file = createRequire(join(from, 'plugins')).resolve(isPath ? resolve(from, specifier) : specifier)
    loaded = (await import(pathToFileURL(file).href)) as { default?: unknown }
  } catch (error) {
    // the first line says it; what follows is the list of who required it
    const [reason] = (error as Error).message.split('\n')
    throw new PluginError(`plugin '${specifier}' cannot be loaded: ${reason}`, error)
  }
  const plugin = loaded.default
  if (!isPlugin(plugin)) {
    throw new PluginError(`'${specifier}' is no plugin: its default export has to be what definePlugin returns`)
  }
  return plugin
}

export function isPlugin(value: unknown): value is Plugin {
  if (typeof value !== 'object' || value === null || !('name' in value)) return false
  const { name, register, start, stop } = value as Partial<Record<keyof Plugin, unknown>>
  const isCallable = (method: unknown): boolean => method === undefined || typeof method === 'function'
  return typeof name === 'string' && /^[\w-]+$/.test(name) && [register, start, stop].every(isCallable)
}
