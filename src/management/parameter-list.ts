import type { Broker } from '../core/broker.ts'
import type { Parameter } from '../core/parameters.ts'
import { type Policy, type PolicyScope, policyToJson } from '../core/policy.ts'

/** Policies are parameters in RabbitMQ, of these components. */
const POLICY_COMPONENTS: Readonly<Record<PolicyScope, string>> = { operator: 'operator_policy', user: 'policy' }

/** Parameters as RabbitMQ lists them: policies of operators are among them, and those of users where that component is asked for. */
export function listParameters(broker: Broker, vhost?: string, component?: string): Parameter[] {
  const parameters = broker.parameters.list(component, vhost)
  for (const scope of ['operator', 'user'] as const) {
    const own = POLICY_COMPONENTS[scope]
    if (component !== own && (component !== undefined || scope === 'user')) continue
    parameters.push(...broker.policies.list(scope, vhost).map((policy) => asParameter(own, policy)))
  }
  return parameters
}

function asParameter(component: string, policy: Policy): Parameter {
  const { vhost, name, pattern, definition, priority, 'apply-to': applyTo } = policyToJson(policy)
  // in the order in which rabbitmqctl prints them
  return { component, vhost, name, value: { pattern, definition, priority, 'apply-to': applyTo } }
}
