import { route } from '../../api/route.ts'
import type { Context, CtlCommand } from '../command.ts'
import { atoms } from '../format/cell.ts'
import { erlangCell, erlangTerm } from '../format/erlang.ts'
import { text } from '../output.ts'
import { CODE, notPossible } from './refused.ts'
import { canLogIn, tagsOf, type User } from './users.ts'

const STRING = String.raw`"((?:[^"\\]|\\.)*)"`
const BINARY = String.raw`(?:list_to_binary\(\s*${STRING}\s*\)|<<\s*${STRING}(?:/utf8)?\s*>>)`
const CHECK_LOGIN = new RegExp(
  String.raw`^\s*rabbit_access_control:check_user_pass_login\(\s*${BINARY}\s*,\s*${BINARY}\s*\)\s*\.\s*$`,
)

const unescaped = (text: string): string => text.replaceAll(/\\(["\\])/g, '$1')

async function checkLogin(context: Context, name: string, password: string): Promise<string> {
  if (!(await canLogIn(context, name, password))) {
    return `{refused,${erlangTerm(name)},"user '~ts' - invalid credentials",[${erlangTerm(name)}]}`
  }
  const user = await context.api.find<User>(route`/users/${name}`)
  const tags = erlangCell(atoms(user === null ? [] : tagsOf(user)))
  return `{ok,{user,${erlangTerm(name)},${tags},[{rabbit_auth_backend_internal,none}]}}`
}

/** Code is not run. The one question that Puppet's module for RabbitMQ asks in this way, of each user at each run, is answered. */
export const evalCommand: CtlCommand = {
  name: 'eval',
  section: 'Operations',
  tools: ['ctl'],
  summary: `Not here: ${CODE}. Tells whether a password is right, as Puppet asks for it`,
  isRefused: true,
  arguments: [
    { name: 'expression', help: 'rabbit_access_control:check_user_pass_login(…)', optional: true, variadic: true },
  ],
  async run(context) {
    const asked = CHECK_LOGIN.exec(context.args.join(' '))
    if (asked === null) throw notPossible('eval', CODE)
    const [, name1, name2, password1, password2] = asked
    return text(await checkLogin(context, unescaped(name1 ?? name2!), unescaped(password1 ?? password2!)))
  },
}
