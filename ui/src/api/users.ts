import { expectNew, path, remove, request } from './http.ts'
import { listPage, type ListQuery, type Page } from './lists.ts'

export interface UserAccount {
  readonly name: string
  readonly tags: readonly string[]
  /** '' where there is none: no sign-in by password. */
  readonly password_hash: string
  readonly hashing_algorithm: string
}

/** A user as the API tells it, whose tags may be RabbitMQ's older text with commas. */
type UserAnswer = Omit<UserAccount, 'tags'> & { readonly tags: readonly string[] | string }

const toAccount = (answer: UserAnswer): UserAccount => ({
  ...answer,
  tags: typeof answer.tags === 'string' ? answer.tags.split(',').filter((tag) => tag !== '') : answer.tags,
})

export async function listUsers(query: ListQuery, signal?: AbortSignal): Promise<Page<UserAccount>> {
  const page = await listPage<UserAnswer>('users', query, signal)
  return { ...page, items: page.items.map(toAccount) }
}

export async function getUser(name: string, signal?: AbortSignal): Promise<UserAccount> {
  return toAccount(await request<UserAnswer>('GET', path`users/${name}`, { signal }))
}

/** The names of users that contain a text, for suggestions: at most 50. */
export async function suggestUsers(text: string, signal?: AbortSignal): Promise<readonly string[]> {
  const query = { page: 1, pageSize: 50, name: text, regex: false, sort: 'name', reverse: false }
  return (await listPage<UserAnswer>('users', query, signal, { columns: 'name' })).items.map(({ name }) => name)
}

/** Adds a user, or replaces password and tags of one. @param password null for no sign-in by password */
export function putUser(name: string, password: string | null, tags: readonly string[]): Promise<void> {
  const secret = password === null ? { password_hash: '' } : { password }
  return request('PUT', path`users/${name}`, { body: { ...secret, tags: tags.join(',') } })
}

/** @throws ApiError `taken` where there is one of that name */
export async function addUser(name: string, password: string | null, tags: readonly string[]): Promise<void> {
  await expectNew(path`users/${name}`)
  await putUser(name, password, tags)
}

/** Changes the tags alone. The API knows no such request: what is not sent along is taken away. */
export async function putTags(name: string, tags: readonly string[]): Promise<void> {
  const { password_hash, hashing_algorithm } = await getUser(name)
  const body = { password_hash, hashing_algorithm, tags: tags.join(',') }
  return request('PUT', path`users/${name}`, { body })
}

export const deleteUser = (name: string): Promise<void> => remove(path`users/${name}`)
