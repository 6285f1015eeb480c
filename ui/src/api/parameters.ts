import { hidePasswords } from './hidden-passwords.ts'
import { path, remove, request } from './http.ts'
import { listPage, localPage, type ListQuery, type Page } from './lists.ts'

/** What a component of the broker, or a plugin, is told to do in a virtual host. */
export interface Parameter {
  /** `shovel`, `federation-upstream` … */
  readonly component: string
  readonly vhost: string
  readonly name: string
  /** Any JSON, with `***` for passwords of addresses. */
  readonly value: unknown
}

export type ParameterId = Pick<Parameter, 'component' | 'vhost' | 'name'>

/** One that holds for the whole broker. */
export type GlobalParameter = Pick<Parameter, 'name' | 'value'>

const hidden = <T extends GlobalParameter>(parameter: T): T => ({
  ...parameter,
  value: hidePasswords(parameter.value),
})

const hiddenPage = <T extends GlobalParameter>(page: Page<T>): Page<T> => ({ ...page, items: page.items.map(hidden) })

/** Of one component. @param vhost null for all */
export async function listParameters(
  component: string,
  vhost: string | null,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<Page<Parameter>> {
  const resource = path`parameters/${component}` + (vhost === null ? '' : path`/${vhost}`)
  return hiddenPage(await listPage<Parameter>(resource, query, signal))
}

/** Of all components. @param vhost null for all */
export async function listAllParameters(
  vhost: string | null,
  query: ListQuery,
  signal?: AbortSignal,
): Promise<Page<Parameter>> {
  if (vhost === null) return hiddenPage(await listPage<Parameter>('parameters', query, signal))
  // The API lists all components for all virtual hosts only.
  const all = await request<readonly Parameter[]>('GET', 'parameters', { signal })
  const rows = all.filter((parameter) => parameter.vhost === vhost)
  return hiddenPage(localPage(rows, query, ({ name }) => name))
}

/** For suggestions. */
export async function parameterNames(component: string, vhost: string, signal?: AbortSignal): Promise<string[]> {
  const query = { columns: 'name' }
  const all = await request<readonly ParameterId[]>('GET', path`parameters/${component}/${vhost}`, { query, signal })
  return all.map(({ name }) => name)
}

const resourceOf = ({ component, vhost, name }: ParameterId): string => path`parameters/${component}/${vhost}/${name}`

export async function getParameter(id: ParameterId, signal?: AbortSignal): Promise<Parameter> {
  return hidden(await request<Parameter>('GET', resourceOf(id), { signal }))
}

/** @throws ApiError 400 for a value that its component refuses, or with a hidden password that the broker does not know */
export function putParameter({ value, ...id }: Parameter): Promise<void> {
  return request('PUT', resourceOf(id), { body: { component: id.component, vhost: id.vhost, name: id.name, value } })
}

export const deleteParameter = (id: ParameterId): Promise<void> => remove(resourceOf(id))

export async function listGlobalParameters(query: ListQuery, signal?: AbortSignal): Promise<Page<GlobalParameter>> {
  return hiddenPage(await listPage<GlobalParameter>('global-parameters', query, signal))
}

export async function getGlobalParameter(name: string, signal?: AbortSignal): Promise<GlobalParameter> {
  return hidden(await request<GlobalParameter>('GET', path`global-parameters/${name}`, { signal }))
}

/** @throws ApiError as for `putParameter` */
export function putGlobalParameter({ name, value }: GlobalParameter): Promise<void> {
  return request('PUT', path`global-parameters/${name}`, { body: { name, value } })
}

export const deleteGlobalParameter = (name: string): Promise<void> => remove(path`global-parameters/${name}`)
