import type { ParameterId } from '../../api/parameters.ts'
import { to } from '../../router.ts'

export const LIST = '#/parameters'
export const GLOBAL_LIST = '#/global-parameters'
export const globalAddress = (name: string): string => to`/global-parameters/${name}`

/** Components that a parameter can be added to. Others that plugins bring can be typed. */
export const COMPONENTS = ['federation-upstream', 'federation-upstream-set', 'shovel', 'vhost-limits'] as const

/** The page with a form for it; null where there is none. */
export function formAddress({ component, vhost, name }: ParameterId): string | null {
  switch (component) {
    case 'shovel':
      return to`/dynamic-shovels/${vhost}/${name}`
    case 'federation-upstream':
      return to`/federation-upstreams/${vhost}/${name}`
    case 'federation-upstream-set':
      return to`/federation-upstream-sets/${vhost}/${name}`
    case 'policy':
      return to`/policies/${vhost}/${name}`
    case 'operator_policy':
      return to`/operator_policies/${vhost}/${name}`
    default:
      return null
  }
}

/** Policies are listed as parameters, and are set by their own part of the API only. */
export function addressOf(id: ParameterId): string {
  const isPolicy = id.component === 'policy' || id.component === 'operator_policy'
  return isPolicy ? formAddress(id)! : to`/parameters/${id.component}/${id.vhost}/${id.name}`
}
