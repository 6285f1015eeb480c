import { computed, effect, signal, type ReadonlySignal } from '@preact/signals'
import { onTokenRefused, unauthorized } from '../api/http.ts'
import * as api from '../api/session.ts'

export type SessionState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly error: unknown }
  | { readonly kind: 'signed-out'; readonly expired: boolean }
  | { readonly kind: 'signed-in'; readonly user: api.User }

export const session = signal<SessionState>({ kind: 'loading' })

export const user: ReadonlySignal<api.User | null> = computed(() =>
  session.value.kind === 'signed-in' ? session.value.user : null,
)

const hasTag = (...tags: readonly string[]): boolean => user.value?.tags.some((tag) => tags.includes(tag)) ?? false

/** What the user's tags allow, by RabbitMQ's rules. Pages hide what would only be refused. */
export const may = {
  /** Users, virtual hosts, definitions, operator policies, closing others' connections. */
  administrate: computed(() => hasTag('administrator')),
  /** Nodes, memory, everybody's connections. */
  monitor: computed(() => hasTag('administrator', 'monitoring')),
  /** Policies and parameters. */
  setPolicies: computed(() => hasTag('administrator', 'policymaker')),
}

export function resumeSession(): Promise<void> {
  session.value = { kind: 'loading' }
  return resumeQuietly()
}

/** What is shown stays until there is an answer. */
export async function resumeQuietly(): Promise<void> {
  try {
    const found = await api.currentSession()
    session.value = found === null ? { kind: 'signed-out', expired: false } : { kind: 'signed-in', user: found }
  } catch (error) {
    session.value = { kind: 'failed', error }
  }
}

/** @throws ApiError as `api.signIn` does */
export async function signIn(name: string, password: string): Promise<void> {
  session.value = { kind: 'signed-in', user: await api.signIn(name, password) }
}

/** @throws ApiError when the session goes on, because the broker could not be told to end it */
export async function signOut(): Promise<void> {
  await api.signOut()
  session.value = { kind: 'signed-out', expired: false }
}

effect(() => {
  if (unauthorized.value > 0) void signOutIfOver()
})

let checking = false

/** Goes back to the sign-in when the session is over. A page asks for many things at once: one check for all of them. */
async function signOutIfOver(): Promise<void> {
  if (checking || session.peek().kind !== 'signed-in') return
  checking = true
  const isOver = !(await api.isSignedIn())
  checking = false
  if (isOver && session.peek().kind === 'signed-in') session.value = { kind: 'signed-out', expired: true }
}

onTokenRefused.renew = async () => {
  const before = user.peek()?.name
  const found = await api.currentSession()
  if (found === null) return false
  session.value = { kind: 'signed-in', user: found }
  // Somebody else: what was to be done must not be done in their name.
  return found.name === before
}
