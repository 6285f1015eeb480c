import type { FastifyInstance, HTTPMethods } from 'fastify'
import { answerPreflight, type CrossOriginSettings } from './cross-origin.ts'

/** In the order in which RabbitMQ names them. */
const METHODS: readonly HTTPMethods[] = ['HEAD', 'GET', 'PUT', 'POST', 'DELETE', 'PATCH']

/**
 * Watches which addresses get which methods from here on.
 * @returns adds, for each address, OPTIONS, and 405 with the header `allow` for the methods that it does not take
 */
export function watchMethods(app: FastifyInstance, settings: CrossOriginSettings): () => void {
  const taken = new Map<string, Set<HTTPMethods>>()
  let watching = true
  app.addHook('onRoute', ({ method, routePath }) => {
    if (!watching) return
    const methods = taken.get(routePath) ?? new Set()
    taken.set(routePath, methods)
    for (const each of [method].flat()) methods.add(each)
  })
  return () => {
    watching = false
    for (const [url, methods] of taken) addOthers(app, url, methods, settings)
  }
}

function addOthers(
  app: FastifyInstance,
  url: string,
  taken: ReadonlySet<HTTPMethods>,
  settings: CrossOriginSettings,
): void {
  const allow = [...METHODS.filter((method) => taken.has(method)), 'OPTIONS'].join(', ')
  const common = { url, config: { open: true }, schema: { hide: true } }
  const others = METHODS.filter((method) => !taken.has(method))
  app.route({
    ...common,
    method: others,
    handler: (_request, reply) => reply.code(405).header('allow', allow).send(),
  })
  if (taken.has('OPTIONS')) return
  app.options(url, { config: common.config, schema: common.schema }, (request, reply) => {
    answerPreflight(request, reply, settings, allow)
    return reply.code(200).header('allow', allow).send()
  })
}
