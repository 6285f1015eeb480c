import type { FastifyRequest } from 'fastify'
import { requireTag } from '../access.ts'
import { badRequest } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { DEPRECATED_FEATURES, type DeprecatedFeature } from '../deprecated-features.ts'
import { FEATURE_FLAGS } from '../feature-flags.ts'
import { answerList, type ListQuery } from '../list.ts'
import { described, LIST_QUERY } from '../route-schema.ts'

const tag = 'Features'
const query = LIST_QUERY

export const featureRoutes: Routes = (app, { host: { broker } }) => {
  app.get('/feature-flags', described('Feature flags', { query, tag }), (request) => {
    requireTag(request, 'administrator')
    return answerList(request.query as ListQuery, {
      rows: FEATURE_FLAGS,
      nameOf: ({ name }) => name,
      render: (flag) => ({ ...flag }),
    })
  })
  app.put('/feature-flags/:name/enable', described('Enable a feature flag', { tag }), (request, reply) => {
    requireTag(request, 'administrator')
    const { name } = request.params as { name: string }
    const flag = FEATURE_FLAGS.find((each) => each.name === name)
    if (flag === undefined) throw badRequest('unsupported')
    if (flag.state !== 'enabled')
      throw badRequest(`the feature flag ${name} cannot be enabled: ${flag.desc} are not implemented`)
    return reply.code(204).send()
  })
  const list = (request: FastifyRequest, features: readonly DeprecatedFeature[]): unknown => {
    requireTag(request, 'administrator')
    return answerList(request.query as ListQuery, {
      rows: features,
      nameOf: ({ name }) => name,
      render: featureObject,
    })
  }
  app.get('/deprecated-features', described('Deprecated features', { query, tag }), (request) =>
    list(request, DEPRECATED_FEATURES),
  )
  app.get('/deprecated-features/used', described('Deprecated features that are in use', { query, tag }), (request) =>
    list(
      request,
      DEPRECATED_FEATURES.filter(({ isUsed }) => isUsed(broker)),
    ),
  )
}

const featureObject = ({ name, desc, doc_url, deprecation_phase, provided_by }: DeprecatedFeature) => ({
  name,
  desc,
  doc_url,
  deprecation_phase,
  provided_by,
})
