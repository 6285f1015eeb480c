import type { FastifyInstance, FastifyReply } from 'fastify'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'

/** Below, what is saved is not worth the work; and what is secret, as the token of a session, is never in a longer answer. */
const LENGTH_MIN = 4096

const GZIP_WANTED = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i

const zip = promisify(gzip)

/** Compresses long answers in JSON for those who take that, off the event loop: lists repeat their keys in every row. */
export function compressAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (typeof payload !== 'string' || payload.length < LENGTH_MIN || request.method === 'HEAD') return payload
    if (!String(reply.getHeader('content-type')).startsWith('application/json')) return payload
    varyByEncoding(reply)
    if (!GZIP_WANTED.test(String(request.headers['accept-encoding'] ?? ''))) return payload
    reply.header('content-encoding', 'gzip')
    return zip(payload, { level: constants.Z_BEST_SPEED })
  })
}

function varyByEncoding(reply: FastifyReply): void {
  const given = reply.getHeader('vary')
  reply.header('vary', given === undefined ? 'accept-encoding' : `${String(given)}, accept-encoding`)
}
