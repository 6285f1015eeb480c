import type { FastifyReply } from 'fastify'
import { jobToJson } from '../objects/job.ts'
import type { Job } from './jobs.ts'

/** Long work has begun: where to look how far it is. */
export const answerJob = (reply: FastifyReply, job: Job): FastifyReply =>
  reply.code(202).header('location', `/api/jobs/${job.id}`).send(jobToJson(job))
