import { Type } from 'typebox'
import { hashPassword } from '../../auth/password-hash.ts'
import { requireTag } from '../access.ts'
import { badRequest } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { bodyOf } from '../request-body.ts'
import { described } from '../route-schema.ts'

const tag = 'Users'

export const authRoutes: Routes = (app) => {
  // the first key is of RabbitMQ 3.11 and later, the others are older
  const answer = { oauth_enabled: false, enable_uaa: false, uaa_client_id: '', uaa_location: '' }
  const options = described('Whether the console signs in by OAuth 2', { tag })
  app.get('/auth', { ...options, config: { open: true } }, () => answer)
  app.get('/auth/hash_password/:password', described('Hash a password', { tag }), (request) => {
    requireTag(request, 'administrator')
    return { ok: hashPassword((request.params as { password: string }).password) }
  })
  const description = 'In the body it stays out of the logs of proxies.'
  const body = Type.Object({ password: Type.String() })
  app.post('/auth/hash_password', described('Hash a password', { body, description, tag }), (request) => {
    requireTag(request, 'administrator')
    const { password } = bodyOf(request, 'password')
    if (typeof password !== 'string') throw badRequest('password must be a string')
    return { ok: hashPassword(password) }
  })
}
