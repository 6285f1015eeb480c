import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { badRequest, loginRefused } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { SIGN_IN_COOKIE, signInCookie } from '../authentication.ts'
import type { SignIn } from '../sign-ins.ts'

const Credentials = Type.Object({ username: Type.String(), password: Type.String() })

/** Sign-in of the console. */
export const sessionRoutes: Routes = (app, { authentication }) => {
  const { signIns } = authentication
  const describe = ({ user, csrfToken }: SignIn) => ({ name: user.name, tags: user.tags, csrf_token: csrfToken })
  const signInOf = (request: FastifyRequest): SignIn => {
    const token = request.cookies[SIGN_IN_COOKIE]
    const signIn = token === undefined ? null : signIns.find(token)
    if (signIn === null) throw loginRefused('not signed in')
    return signIn
  }
  app.post(
    '/session',
    { config: { open: true }, schema: { summary: 'Sign in', body: Credentials } },
    async (request, reply) => {
      const { username, password } = request.body as { username: string; password: string }
      if (username === '') throw badRequest('the user name is empty')
      const signIn = signIns.begin(await authentication.login(request, reply, username, password))
      reply.setCookie(...signInCookie(request, signIn.token))
      return describe(signIn)
    },
  )
  app.get('/session', { config: { open: true }, schema: { summary: 'Who is signed in' } }, (request) =>
    describe(signInOf(request)),
  )
  app.delete('/session', { schema: { summary: 'Sign out' } }, (request, reply) => {
    const token = request.cookies[SIGN_IN_COOKIE]
    if (token !== undefined) signIns.end(token)
    return reply.clearCookie(SIGN_IN_COOKIE, { path: '/' }).code(204).send()
  })
}
