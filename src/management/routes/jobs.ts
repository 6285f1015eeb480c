import type { FastifyRequest } from 'fastify'
import { hasTag, requireTag } from '../access.ts'
import { objectNotFound } from '../api-error.ts'
import type { Routes } from '../app.ts'
import type { Job } from '../jobs/jobs.ts'
import { jobToJson } from '../objects/job.ts'
import { LIST_OF_OBJECTS } from '../openapi.ts'

/** Long work: how far it is. One sees one's own, an administrator everyone's. */
export const jobRoutes: Routes = (app, { jobs }) => {
  const isVisible = (request: FastifyRequest, { user }: Job): boolean => {
    const caller = requireTag(request, 'management')
    return user === caller.name || hasTag(caller, 'administrator')
  }
  const jobOf = (request: FastifyRequest): Job => {
    const job = jobs.get((request.params as { id: string }).id)
    if (job === undefined || !isVisible(request, job)) throw objectNotFound()
    return job
  }

  app.get(
    '/jobs',
    {
      schema: { summary: 'Long work that runs, or has ended within the last hour', answers: { 200: LIST_OF_OBJECTS } },
    },
    (request) => {
      requireTag(request, 'management')
      return jobs
        .list()
        .filter((job) => isVisible(request, job))
        .map(jobToJson)
    },
  )
  app.get('/jobs/:id', { schema: { summary: 'How far a job is' } }, (request) => jobToJson(jobOf(request)))
  app.delete('/jobs/:id', { schema: { summary: 'Cancel a job: what is done stays done' } }, (request, reply) => {
    jobOf(request).cancel()
    return reply.code(204).send()
  })
}
