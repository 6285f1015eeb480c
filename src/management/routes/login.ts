import type { FastifyReply } from 'fastify'
import { Type } from 'typebox'
import { loginRefused } from '../api-error.ts'
import type { Routes } from '../app.ts'
import { signInCookie } from '../authentication.ts'
import { bodyOf } from '../request-body.ts'
import { described } from '../route-schema.ts'

const Form = Type.Object({ username: Type.String(), password: Type.String() })

/** RabbitMQ's sign-in by an HTML form. The cookie that comes back is the console's, and says nothing of the password. */
export const loginRoutes: Routes = (app, { authentication }) => {
  const options = described('Sign in by a form', { body: Form, tag: 'Sign-in', answers: { 200: Type.String() } })
  app.post(
    '/login',
    { ...options, config: { open: true, form: true } },
    async (request, reply): Promise<FastifyReply> => {
      const { username, password } = bodyOf(request)
      if (typeof username !== 'string' || typeof password !== 'string') throw loginRefused()
      const user = await authentication.login(request, reply, username, password)
      const { token } = authentication.signIns.begin(user)
      return reply
        .setCookie(...signInCookie(request, token))
        .type('application/json')
        .send('"ok"')
    },
  )
}
