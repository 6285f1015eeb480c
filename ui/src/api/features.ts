import { request } from './http.ts'

export interface FeatureFlag {
  readonly name: string
  readonly desc: string
  readonly doc_url: string
  readonly state: string
  readonly stability: string
  readonly provided_by: string
}

export interface DeprecatedFeature {
  readonly name: string
  readonly desc: string
  readonly deprecation_phase: string
}

export const listFeatureFlags = (signal?: AbortSignal): Promise<readonly FeatureFlag[]> =>
  request('GET', 'feature-flags', { signal })

/** @param used only those that something here makes use of */
export const listDeprecatedFeatures = (used: boolean, signal?: AbortSignal): Promise<readonly DeprecatedFeature[]> =>
  request('GET', used ? 'deprecated-features/used' : 'deprecated-features', { signal })

export async function getClusterName(signal?: AbortSignal): Promise<string> {
  return (await request<{ readonly name: string }>('GET', 'cluster-name', { signal })).name
}

export const putClusterName = (name: string): Promise<void> => request('PUT', 'cluster-name', { body: { name } })
