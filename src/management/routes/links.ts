import type { FastifyRequest } from 'fastify'
import type { FederationLinkStatus, ShovelStatus } from '../../core/links.ts'
import { canSeeVhost, requireTag, requireVisibleVhost } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { answerList, type ListQuery } from '../list.ts'
import { LIST_OF_OBJECTS } from '../openapi.ts'

const LIST = { 200: LIST_OF_OBJECTS }

interface Params {
  readonly vhost: string
  readonly name: string
  readonly id: string
}

const paramsOf = (request: FastifyRequest): Params => request.params as Params

/** Shovels and federation links: what they do, and how to have them begin anew. */
export const linkRoutes: Routes = (app, parts) => {
  addShovels(app, parts)
  addFederationLinks(app, parts)
}

const addShovels: Routes = (app, { host: { broker, links } }) => {
  const answer = (request: FastifyRequest, rows: readonly ShovelStatus[]): unknown => {
    const user = requireTag(request, 'monitoring')
    return answerList(request.query as ListQuery, {
      rows: rows.filter(({ vhost }) => canSeeVhost(user, vhost)),
      nameOf: ({ name }) => name,
      render: (status) => ({ ...status }),
    })
  }
  const find = (request: FastifyRequest): ShovelStatus => {
    requireTag(request, 'monitoring')
    const { vhost, name } = paramsOf(request)
    requireVisibleVhost(request, broker, vhost)
    const found = links.shovels.list(vhost).find((status) => status.name === name)
    if (found === undefined) throw objectNotFound()
    return found
  }
  app.get('/shovels', { schema: { summary: 'Shovels and their states', answers: LIST } }, (request) =>
    answer(request, links.shovels.list()),
  )
  app.get('/shovels/:vhost', { schema: { summary: 'Shovels of a vhost', answers: LIST } }, (request) => {
    requireTag(request, 'monitoring')
    const { vhost } = paramsOf(request)
    requireVisibleVhost(request, broker, vhost)
    return answer(request, links.shovels.list(vhost))
  })
  app.get('/shovels/vhost/:vhost/:name', { schema: { summary: 'A shovel and its state' } }, (request) => find(request))
  app.delete('/shovels/vhost/:vhost/:name', { schema: { summary: 'Delete a shovel' } }, async (request, reply) => {
    const { vhost, name } = find(request)
    const user = requireTag(request, 'policymaker')
    broker.events.as(user.name, () => broker.deleteParameter(vhost, 'shovel', name))
    await broker.commitMetadata()
    return reply.code(204).send()
  })
  app.delete('/shovels/vhost/:vhost/:name/restart', { schema: { summary: 'Restart a shovel' } }, (request, reply) => {
    const { vhost, name } = find(request)
    links.shovels.restart(vhost, name)
    return reply.code(204).send()
  })
}

const isDown = ({ status }: FederationLinkStatus): boolean => status !== 'running' && status !== 'starting'

const addFederationLinks: Routes = (app, { host: { broker, links } }) => {
  const answer = (request: FastifyRequest, rows: readonly FederationLinkStatus[]): unknown => {
    const user = requireTag(request, 'monitoring')
    return answerList(request.query as ListQuery, {
      rows: rows.filter(({ vhost }) => canSeeVhost(user, vhost)),
      nameOf: ({ exchange, queue }) => exchange ?? queue ?? '',
      render: (status) => ({ ...status }),
    })
  }
  const ofVhost = (request: FastifyRequest): FederationLinkStatus[] => {
    // before it is told whether there is such a vhost
    requireTag(request, 'monitoring')
    const { vhost } = paramsOf(request)
    requireVisibleVhost(request, broker, vhost)
    return links.federation.list(vhost)
  }
  const all = { schema: { summary: 'Federation links and their states', answers: LIST } }
  const down = { schema: { summary: 'Federation links that do not run', answers: LIST } }
  app.get('/federation-links', all, (request) => answer(request, links.federation.list()))
  app.get('/federation-links/state/down', down, (request) => answer(request, links.federation.list().filter(isDown)))
  app.get('/federation-links/:vhost', all, (request) => answer(request, ofVhost(request)))
  app.get('/federation-links/:vhost/state/down', down, (request) => answer(request, ofVhost(request).filter(isDown)))
  const restart = { schema: { summary: 'Restart a federation link' } }
  app.delete('/federation-links/vhost/:vhost/:id/:node/restart', restart, (request, reply) => {
    requireTag(request, 'monitoring')
    const { vhost, id } = paramsOf(request)
    requireVisibleVhost(request, broker, vhost)
    if (!links.federation.restart(vhost, id)) throw objectNotFound()
    return reply.code(204).send()
  })
}
