import { compilePcre, escapePcre, type Pattern, PatternError } from '../../util/pcre.ts'
import { type LdapConnection, LdapError } from './ldap-connection.ts'
import type { Query, ValueQuery } from './query.ts'
import { fill, fillDn, normalizeDn, sameDn, type Variables } from './template.ts'

export interface QueryContext {
  /** Null where the query needs no directory. */
  readonly directory: Pick<LdapConnection, 'search'> | null
  /** With `user_dn`, which groups are looked through for. */
  readonly variables: Variables
  /** Where nested groups are looked for. */
  readonly groupBase: string | null
  /** For the log of the back end; null where nobody wants it. */
  readonly trace: ((text: string) => void) | null
}

/** Groups that one question may look at: directories may have circles, and more. */
const GROUPS_MAX = 1000

/**
 * Answers a query. Where the directory says that there is no such object or attribute, what was asked of it is false; every other error makes
 * the whole query fail, also below a `not`.
 * @throws (rejects with) LdapError
 */
export async function evaluate(query: Query, context: QueryContext): Promise<boolean> {
  const result = await evaluateBare(query, context)
  context.trace?.(`evaluated ${query.kind}: ${result}`)
  return result
}

async function evaluateBare(query: Query, context: QueryContext): Promise<boolean> {
  const { variables } = context
  switch (query.kind) {
    case 'constant':
      return query.value
    case 'for':
      return evaluateFor(query.cases, context)
    case 'exists':
      return exists(context, { base: fillDn(query.pattern, variables), filter: null })
    case 'inGroup': {
      const filter = { attribute: query.attribute, value: userDn(variables) }
      return exists(context, { base: fillDn(query.pattern, variables), filter })
    }
    case 'inGroupNested':
      return inNestedGroup(query, context)
    case 'not':
      return !(await evaluate(query.query, context))
    case 'and':
      for (const each of query.queries) if (!(await evaluate(each, context))) return false
      return true
    case 'or':
      return evaluateOr(query.queries, context)
    case 'equals':
      return evaluateEquals(query.left, query.right, context)
    case 'match':
      return evaluateMatch(query.left, query.right, context)
  }
}

const failed = (text: string): LdapError => new LdapError('ldap_evaluate_error', text)

async function evaluateFor(
  cases: readonly { variable: string; value: string; query: Query }[],
  context: QueryContext,
): Promise<boolean> {
  for (const { variable, value, query } of cases) {
    const actual = context.variables.get(variable)
    if (actual === undefined) throw failed(`'for' asks for ${variable}, which is not known here`)
    if (actual === value) return evaluate(query, context)
  }
  throw failed("no case of a 'for' fits")
}

/** One that is true is enough, be the others answered or not. */
async function evaluateOr(queries: readonly Query[], context: QueryContext): Promise<boolean> {
  let error: LdapError | null = null
  for (const query of queries) {
    try {
      if (await evaluate(query, context)) return true
    } catch (caught) {
      if (!(caught instanceof LdapError) || caught.kind !== 'ldap_evaluate_error') throw caught
      error ??= caught
    }
  }
  if (error !== null) throw error
  return false
}

/** Of several values one has to be the other. */
async function evaluateEquals(left: ValueQuery, right: ValueQuery, context: QueryContext): Promise<boolean> {
  const values = await valuesOf(left, context)
  const others = await valuesOf(right, context)
  return (values.length <= 1 || others.length <= 1) && values.some((value) => others.includes(value))
}

/** The right side is a regular expression; of several values on one side, one has to match. */
async function evaluateMatch(left: ValueQuery, right: ValueQuery, context: QueryContext): Promise<boolean> {
  const values = await valuesOf(left, context)
  // what is filled into an expression is no expression itself
  const patterns =
    right.kind === 'string' ? [fill(right.pattern, context.variables, escapePcre)] : await valuesOf(right, context)
  if (values.length > 1 && patterns.length > 1) return false
  return patterns.some((pattern) => {
    const expression = compile(pattern)
    return values.some((value) => expression.test(value))
  })
}

function compile(pattern: string): Pattern {
  try {
    return compilePcre(pattern)
  } catch (error) {
    if (error instanceof PatternError) throw failed(`'${pattern}' is not a regular expression`)
    throw error
  }
}

async function valuesOf(query: ValueQuery, context: QueryContext): Promise<string[]> {
  if (query.kind === 'string') return [fill(query.pattern, context.variables)]
  const { attribute } = query
  const base = fillDn(query.pattern, context.variables)
  const entries = await directoryOf(context).search({ base, scope: 'base', filter: null, attributes: [attribute] })
  const wanted = attribute.toLowerCase()
  const values = entries.flatMap(({ attributes }) =>
    [...attributes].flatMap(([name, found]) => (name.toLowerCase() === wanted ? found : [])),
  )
  context.trace?.(`attribute "${attribute}" of "${base}" has ${values.length} values`)
  return values
}

const userDn = (variables: Variables): string => variables.get('user_dn') ?? ''

function directoryOf({ directory }: QueryContext): Pick<LdapConnection, 'search'> {
  if (directory === null) throw failed('there is no connection to a directory')
  return directory
}

async function exists(
  context: QueryContext,
  { base, filter }: { base: string; filter: { attribute: string; value: string } | null },
): Promise<boolean> {
  const entries = await directoryOf(context).search({ base, scope: 'base', filter, attributes: ['objectClass'] })
  return entries.length > 0
}

/** From the user upwards: the groups that have it for a member, the groups that have these, and so on. */
async function inNestedGroup(
  { pattern, attribute, scope }: Extract<Query, { kind: 'inGroupNested' }>,
  context: QueryContext,
): Promise<boolean> {
  const { groupBase: base, variables } = context
  if (base === null) throw failed('in_group_nested needs auth_ldap.group_lookup_base or auth_ldap.dn_lookup_base')
  const wanted = fillDn(pattern, variables)
  const open = [userDn(variables)]
  const seen = new Set(open.map(normalizeDn))
  for (let member = open.shift(); member !== undefined; member = open.shift()) {
    const filter = { attribute, value: member }
    const groups = await directoryOf(context).search({ base, scope, filter, attributes: ['1.1'] })
    for (const { dn } of groups) {
      if (sameDn(dn, wanted)) return true
      if (seen.has(normalizeDn(dn))) continue
      if (seen.size >= GROUPS_MAX) throw failed(`more than ${GROUPS_MAX} groups to look at`)
      seen.add(normalizeDn(dn))
      open.push(dn)
    }
  }
  return false
}
