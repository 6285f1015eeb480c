import { request } from './http.ts'

/** The names of the virtual hosts that the user may see, sorted. */
export async function listVhostNames(signal?: AbortSignal): Promise<readonly string[]> {
  const vhosts = await request<readonly { readonly name: string }[]>('GET', 'vhosts', {
    query: { columns: 'name', disable_stats: true },
    signal,
  })
  return vhosts.map(({ name }) => name).toSorted()
}
