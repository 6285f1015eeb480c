import { existsSync } from 'node:fs'
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
/** Before the address of a folder, `#` and the name of a package that is to be imported as from that folder. */
const FROM_FOLDER = 'warren-plugin:'
let hooked = false

function leadToThisBroker(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve(specifier, context, next) {
      if (specifier === ENTRY) return { url: OWN_ENTRY, shortCircuit: true }
      if (!specifier.startsWith(FROM_FOLDER)) return next(specifier, context)
      const [parentURL, name] = specifier.slice(FROM_FOLDER.length).split('#') as [string, string]
      return next(name, { ...context, parentURL })
    },
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
    loaded = (await import(addressOf(specifier, from))) as { default?: unknown }
  } catch (error) {
    throw new PluginError(`plugin '${specifier}' cannot be loaded: ${reasonOf(error)}${hintOf(specifier, from)}`, error)
  }
  const plugin = compiledDefault(loaded.default)
  const fault = faultOf(plugin)
  if (fault !== null) throw new PluginError(`'${specifier}' is no plugin: ${fault}`)
  return plugin as Plugin
}

/** What compilers make of `export default` for CommonJS: Node.js has all exports of such a module as the default one. */
function compiledDefault(loaded: unknown): unknown {
  const isCompiled = typeof loaded === 'object' && loaded !== null && '__esModule' in loaded && 'default' in loaded
  return isCompiled ? loaded.default : loaded
}

const isPath = (specifier: string): boolean => isAbsolute(specifier) || /^\.{1,2}[/\\]/.test(specifier)

/** @throws Error when there is no such file or package */
function addressOf(specifier: string, from: string): string {
  const folder = join(from, 'plugins')
  try {
    const file = createRequire(folder).resolve(isPath(specifier) ? resolve(from, specifier) : specifier)
    return pathToFileURL(file).href
  } catch (error) {
    // one that can be imported, and not required
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error
    return `${FROM_FOLDER}${pathToFileURL(folder).href}#${specifier}`
  }
}

/** The first line says it; what follows is the list of who required it. */
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!

const hintOf = (specifier: string, from: string): string =>
  !isPath(specifier) && existsSync(resolve(from, specifier)) ? ` (a path begins with ./, as in ./${specifier})` : ''

export const isPlugin = (value: unknown): value is Plugin => faultOf(value) === null

/** What keeps it from being a plugin; null when it is one. */
function faultOf(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || !('name' in value)) {
    return 'its default export has to be what definePlugin returns'
  }
  const plugin = value as Partial<Record<keyof Plugin, unknown>>
  if (typeof plugin.name !== 'string' || !/^[\w-]+$/.test(plugin.name)) {
    return `its name, '${String(plugin.name)}', may have letters, digits, - and _ only`
  }
  const calls = ['register', 'start', 'stop'] as const
  const wrong = calls.find((call) => plugin[call] !== undefined && typeof plugin[call] !== 'function')
  if (wrong !== undefined) return `${wrong} has to be a function`
  return calls.every((call) => plugin[call] === undefined) ? 'it has no function register, start or stop' : null
}
