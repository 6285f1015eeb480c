import { createHash, randomBytes } from 'node:crypto'
import { HttpApi, ApiError } from '../../api/http.ts'
import { route } from '../../api/route.ts'
import { EXIT } from '../../exit-codes.ts'
import type { Argument } from '../../command-spec.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure, noSuchUser, refusedAs, whenMissing } from '../failures.ts'
import { atoms } from '../format/cell.ts'
import { table, text } from '../output.ts'

export interface User {
  readonly name: string
  readonly password_hash: string
  readonly hashing_algorithm?: string
  /** A text with commas in old versions. */
  readonly tags: readonly string[] | string
}

const USER: Argument = { name: 'username', help: 'name of the user', completion: 'user' }
const common = { section: 'Users', tools: ['ctl'] } as const

export const tagsOf = ({ tags }: Pick<User, 'tags'>): readonly string[] =>
  typeof tags === 'string' ? tags.split(',').filter((tag) => tag !== '') : tags

async function findUser({ api }: Context, name: string): Promise<User> {
  const user = await api.find<User>(route`/users/${name}`)
  if (user === null) throw noSuchUser(name)
  return user
}

/** An empty password is none: the user cannot log in with a password, if the node's validator of credentials takes that. */
const passwordFields = (password: string): object => (password === '' ? {} : { password })

async function passwordOf({ args, terminal }: Context): Promise<string> {
  const password = args[1] ?? (await terminal.readSecret('Password: '))
  if (password === null) throw failure('Password is not provided via argument or stdin', EXIT.data)
  return password
}

const addUser: CtlCommand = {
  ...common,
  name: 'add_user',
  summary: 'Creates a user, without permissions for any virtual host',
  arguments: [
    { name: 'username', help: 'name of the new user' },
    {
      name: 'password',
      help: 'its password; asked for, or read from standard input, where left out. An empty one lets nobody in',
      optional: true,
    },
  ],
  options: [{ flags: '--pre-hashed-password', help: 'the password is a hash, as hash_password makes it' }],
  examples: ["add_user alice 's3cret'", 'add_user alice < password.txt'],
  async run(context) {
    const { api, args, say } = context
    const name = args[0]!
    say(`Adding user "${name}" ...`)
    const password = await passwordOf(context)
    if ((await api.find(route`/users/${name}`)) !== null) throw failure(`User "${name}" already exists`, EXIT.software)
    const fields = context.flag('pre-hashed-password') ? { password_hash: password } : passwordFields(password)
    await api.put(route`/users/${name}`, { ...fields, tags: '' })
    say(
      "Done. Don't forget to grant the user permissions to some virtual hosts! See 'warren ctl help set_permissions' to learn more.",
    )
  },
}

const changePassword: CtlCommand = {
  ...common,
  name: 'change_password',
  summary: 'Changes the password of a user',
  arguments: [
    USER,
    { name: 'password', help: 'the new one; asked for, or read from standard input, where left out', optional: true },
  ],
  async run(context) {
    const { api, args, say } = context
    const name = args[0]!
    say(`Changing password for user "${name}" ...`)
    const user = await findUser(context, name)
    const password = await passwordOf(context)
    await api.put(route`/users/${name}`, { ...passwordFields(password), tags: tagsOf(user).join(',') })
  },
}

const clearPassword: CtlCommand = {
  ...common,
  name: 'clear_password',
  summary: 'Takes the password from a user, who cannot log in with one any more',
  arguments: [USER],
  async run(context) {
    const { api, args, say } = context
    const name = args[0]!
    say(`Clearing password for user "${name}" ...`)
    const user = await api.find<User>(route`/users/${name}`)
    if (user === null) throw noSuchUser(name, EXIT.unavailable)
    await api.put(route`/users/${name}`, { password_hash: '', tags: tagsOf(user).join(',') })
  },
}

/** Who may log in and has no business with management is told so; that is as good as success. */
export async function canLogIn({ target, timeoutSec }: Context, name: string, password: string): Promise<boolean> {
  const api = new HttpApi({ ...target, user: name, password }, timeoutSec === null ? null : timeoutSec * 1000)
  try {
    await api.get('/whoami')
    return true
  } catch (error) {
    const isRefused = error instanceof ApiError && (error.status === 401 || error.status === 403)
    if (!isRefused) throw error
    return /not management user|not authori[sz]ed to access/i.test(error.reason)
  } finally {
    api.close()
  }
}

const authenticateUser: CtlCommand = {
  ...common,
  name: 'authenticate_user',
  summary: 'Tries whether a user can log in with a password',
  arguments: [USER, { name: 'password', help: 'the password to try; asked for where left out', optional: true }],
  async run(context) {
    const { args, say } = context
    const name = args[0]!
    say(`Authenticating user "${name}" ...`)
    const password = await passwordOf(context)
    if (!(await canLogIn(context, name, password))) {
      throw failure(`Error: failed to authenticate user "${name}"\nuser '${name}' - invalid credentials`, EXIT.data)
    }
    return text('Success')
  },
}

const deleteUser: CtlCommand = {
  ...common,
  name: 'delete_user',
  summary: 'Deletes a user and its permissions',
  arguments: [USER],
  async run({ api, args, say }) {
    const name = args[0]!
    say(`Deleting user "${name}" ...`)
    await refusedAs(api.delete(route`/users/${name}`), whenMissing(noSuchUser(name)))
  },
}

const listUsers: CtlCommand = {
  ...common,
  name: 'list_users',
  tools: ['ctl', 'diagnostics'],
  summary: 'Lists users and their tags',
  async run({ api, say }) {
    say('Listing users ...')
    const users = await api.get<User[]>('/users')
    return table(
      ['user', 'tags'],
      users.map((user) => ({ user: user.name, tags: atoms(tagsOf(user)) })),
    )
  },
}

const setUserTags: CtlCommand = {
  ...common,
  name: 'set_user_tags',
  summary: 'Sets the tags of a user; without any, they are taken away',
  arguments: [
    USER,
    {
      name: 'tag',
      help: 'administrator, monitoring, policymaker, management or impersonator, or a tag of your own',
      optional: true,
      variadic: true,
      completion: ['administrator', 'monitoring', 'policymaker', 'management', 'impersonator'],
    },
  ],
  examples: ['set_user_tags alice management policymaker'],
  async run(context) {
    const { api, args, say } = context
    const [name, ...tags] = args as [string, ...string[]]
    say(`Setting tags for user "${name}" to [${tags.join(', ')}] ...`)
    const { password_hash, hashing_algorithm } = await findUser(context, name)
    const algorithm = hashing_algorithm === undefined ? {} : { hashing_algorithm }
    await api.put(route`/users/${name}`, { password_hash, ...algorithm, tags: tags.join(',') })
  },
}

const hashPassword: CtlCommand = {
  ...common,
  name: 'hash_password',
  summary: 'Prints the hash of a password, for definitions files and --pre-hashed-password',
  arguments: [{ name: 'password', help: 'asked for, or read from standard input, where left out', optional: true }],
  async run({ args, terminal }) {
    const password = args[0] ?? (await terminal.readSecret('Password: '))
    if (password === null || password === '') throw failure('Password cannot be blank', EXIT.data)
    const salt = randomBytes(4)
    const digest = createHash('sha256').update(salt).update(password).digest()
    return text(Buffer.concat([salt, digest]).toString('base64'))
  },
}

export const USER_COMMANDS = [
  addUser,
  authenticateUser,
  changePassword,
  clearPassword,
  deleteUser,
  hashPassword,
  listUsers,
  setUserTags,
]
