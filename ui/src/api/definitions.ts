import { path, request, send } from './http.ts'
import type { Job } from './jobs.ts'

/** @param vhost null for everything */
const resourceOf = (vhost: string | null): string => (vhost === null ? 'definitions' : path`definitions/${vhost}`)

/** The definitions as a file. @param vhost null for everything */
export async function exportDefinitions(vhost: string | null): Promise<Blob> {
  return (await send('GET', resourceOf(vhost))).blob()
}

/**
 * Imports a file. Answers with a job where the broker makes it one, else when it is done.
 * @param vhost null for everything
 * @throws ApiError 400 for a file that is refused
 */
export function importDefinitions(vhost: string | null, json: string): Promise<Job | undefined> {
  const body = new Blob([json], { type: 'application/json' })
  return request('POST', resourceOf(vhost), { body, query: { job: true } })
}
