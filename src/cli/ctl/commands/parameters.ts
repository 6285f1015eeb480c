import { route } from '../../api/route.ts'
import type { Argument } from '../../command-spec.ts'
import type { CtlCommand } from '../command.ts'
import { failure, noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { parseJson } from '../json-argument.ts'
import { table } from '../output.ts'

interface Parameter {
  readonly component: string
  readonly name: string
  readonly value: unknown
}

const COMPONENT: Argument = {
  name: 'component_name',
  help: 'what the parameter is for',
  completion: ['shovel', 'federation-upstream', 'federation-upstream-set'],
}
const NAME: Argument = { name: 'name', help: 'name of the parameter' }
const VALUE: Argument = { name: 'value', help: 'its value, as JSON' }
const common = { section: 'Parameters', tools: ['ctl'] } as const
const listing = { section: 'Parameters', tools: ['ctl', 'diagnostics'] } as const

const absent = whenMissing(failure('Parameter does not exist'))

const setParameter: CtlCommand = {
  ...common,
  name: 'set_parameter',
  summary: 'Sets a runtime parameter of a virtual host',
  takesVhost: true,
  arguments: [COMPONENT, NAME, VALUE],
  examples: [
    `set_parameter shovel copy '{"src-uri": "amqp://", "src-queue": "a", "dest-uri": "amqp://other", "dest-queue": "a"}'`,
  ],
  async run({ api, args, say, vhost }) {
    const [component, name, json] = args as [string, string, string]
    say(`Setting runtime parameter "${name}" for component "${component}" to "${json}" in vhost "${vhost}" ...`)
    const value = parseJson(json)
    const path = route`/parameters/${component}/${vhost}/${name}`
    await refusedAs(api.put(path, { component, vhost, name, value }), whenMissing(noSuchVhost(vhost)))
  },
}

const clearParameter: CtlCommand = {
  ...common,
  name: 'clear_parameter',
  summary: 'Takes away a runtime parameter',
  takesVhost: true,
  arguments: [COMPONENT, NAME],
  async run({ api, args, say, vhost }) {
    const [component, name] = args as [string, string]
    say(`Clearing runtime parameter "${name}" for component "${component}" on vhost "${vhost}" ...`)
    await refusedAs(api.delete(route`/parameters/${component}/${vhost}/${name}`), absent)
  },
}

/** What is left of limits that were taken away one by one over HTTP: to rabbitmqctl, which takes all away at once, there is nothing. */
const isCleared = ({ component, value }: Parameter): boolean =>
  component === 'vhost-limits' && Object.keys(value as object).length === 0

const listParameters: CtlCommand = {
  ...listing,
  name: 'list_parameters',
  summary: 'Lists the runtime parameters of a virtual host',
  takesVhost: true,
  async run({ api, say, vhost }) {
    say(`Listing runtime parameters for vhost "${vhost}" ...`)
    const all = await api.get<(Parameter & { vhost: string })[]>('/parameters')
    const rows = all.filter((row) => row.vhost === vhost && !isCleared(row))
    if (rows.length === 0 && (await api.find(route`/vhosts/${vhost}`)) === null) throw noSuchVhost(vhost)
    return table(
      ['component', 'name', 'value'],
      rows.map(({ component, name, value }) => ({ component, name, value: JSON.stringify(value) })),
    )
  },
}

const setGlobalParameter: CtlCommand = {
  ...common,
  name: 'set_global_parameter',
  summary: 'Sets a runtime parameter that belongs to no virtual host',
  arguments: [NAME, VALUE],
  async run({ api, args, say }) {
    const [name, json] = args as [string, string]
    say(`Setting global runtime parameter "${name}" to "${json}" ...`)
    await refusedAs(api.put(route`/global-parameters/${name}`, { name, value: parseJson(json) }))
  },
}

const clearGlobalParameter: CtlCommand = {
  ...common,
  name: 'clear_global_parameter',
  summary: 'Takes away a runtime parameter that belongs to no virtual host',
  arguments: [NAME],
  async run({ api, args, say }) {
    const name = args[0]!
    say(`Clearing global runtime parameter "${name}" ...`)
    await refusedAs(api.delete(route`/global-parameters/${name}`), absent)
  },
}

const listGlobalParameters: CtlCommand = {
  ...listing,
  name: 'list_global_parameters',
  summary: 'Lists the runtime parameters that belong to no virtual host',
  async run({ api, say }) {
    say('Listing global runtime parameters ...')
    const rows = await api.get<Parameter[]>('/global-parameters')
    return table(
      ['name', 'value'],
      rows.map(({ name, value }) => ({ name, value: JSON.stringify(value) })),
    )
  },
}

export const PARAMETER_COMMANDS = [
  clearGlobalParameter,
  clearParameter,
  listGlobalParameters,
  listParameters,
  setGlobalParameter,
  setParameter,
]
