import { ApiError, credentials, request } from './http.ts'

export interface User {
  readonly name: string
  readonly tags: readonly string[]
}

interface SessionAnswer extends User {
  readonly csrf_token: string
}

/** A user's name and tags, from an answer whose tags may be RabbitMQ's older text with commas. */
function toUser({ name, tags }: { name: string; tags: readonly string[] | string }): User {
  return { name, tags: typeof tags === 'string' ? tags.split(',').filter((tag) => tag !== '') : tags }
}

const start = (answer: SessionAnswer): User => {
  credentials.csrfToken = answer.csrf_token
  return toUser(answer)
}

/** Whether the API has no sessions, as RabbitMQ's has not. */
const isUnknown = (error: unknown): boolean =>
  error instanceof ApiError && (error.status === 404 || error.status === 405)

/** The user whose session's cookie the browser has; null when there is none. */
export async function currentSession(): Promise<User | null> {
  try {
    return start(await request<SessionAnswer>('GET', 'session'))
  } catch (error) {
    if (isUnknown(error) || (error instanceof ApiError && error.status === 401)) return null
    throw error
  }
}

/**
 * Signs in: with a session where the API has them, else with the password kept in memory until the page is left.
 * @throws ApiError 401 when name or password are wrong, 429 after too many failures
 */
export async function signIn(username: string, password: string): Promise<User> {
  credentials.basic = null
  try {
    return start(await request<SessionAnswer>('POST', 'session', { body: { username, password } }))
  } catch (error) {
    if (!isUnknown(error)) throw error
  }
  credentials.basic = btoa(String.fromCodePoint(...new TextEncoder().encode(`${username}:${password}`)))
  try {
    return toUser(await request<User>('GET', 'whoami'))
  } catch (error) {
    credentials.basic = null
    throw error
  }
}

/** Whether the broker still knows who is asking. In doubt it does: what cannot be reached has not refused. */
export async function isSignedIn(): Promise<boolean> {
  try {
    await request('GET', 'whoami')
    return true
  } catch (error) {
    return !(error instanceof ApiError && error.status === 401)
  }
}

/** @throws ApiError when the broker did not end the session: the browser still has its cookie */
export async function signOut(): Promise<void> {
  const hasSession = credentials.csrfToken !== null
  try {
    if (hasSession) await request('DELETE', 'session')
  } catch (error) {
    // One that is over needs no end.
    if (!(error instanceof ApiError && error.status === 401)) throw error
  }
  credentials.basic = null
  credentials.csrfToken = null
}
