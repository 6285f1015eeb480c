import type { FastifySchema, RouteShorthandOptions } from 'fastify'
import { Type, type TSchema } from 'typebox'
import type { Answers } from './openapi.ts'

/** What the OpenAPI document says of a route. */
export interface Described {
  readonly body?: TSchema
  /** Parameters after the `?`. */
  readonly query?: Readonly<Record<string, TSchema>>
  /** The heading that it is listed under. */
  readonly tag?: string
  readonly description?: string
  /** Where they are not those that are usual for its method. */
  readonly answers?: Answers
}

/**
 * Options of a route: its schema is for the OpenAPI document, while the route itself looks at what it is given, since clients know
 * RabbitMQ's answers to mistakes.
 */
export function described(
  summary: string,
  { body, query, tag, description, answers }: Described = {},
): RouteShorthandOptions {
  const schema: FastifySchema = {
    summary,
    ...(tag === undefined ? {} : { tags: [tag] }),
    ...(description === undefined ? {} : { description }),
    ...(answers === undefined ? {} : { answers }),
    ...(body === undefined ? {} : { body }),
    ...(query === undefined ? {} : { querystring: Type.Object(optionals(query)) }),
  }
  return { schema, validatorCompiler: () => () => true }
}

const optionals = (query: Readonly<Record<string, TSchema>>): Record<string, TSchema> =>
  Object.fromEntries(Object.entries(query).map(([name, schema]) => [name, Type.Optional(schema)]))

/** Of every list. */
export const LIST_QUERY: Readonly<Record<string, TSchema>> = {
  page: Type.Integer({
    minimum: 1,
    description:
      'Answers one page, with the counts around it: in lists of exchanges, queues, connections, channels and virtual hosts. ' +
      'Others are answered whole, unless `pagination` is given as well',
  }),
  pagination: Type.Boolean({ description: 'Whether `page` holds in every list' }),
  page_size: Type.Integer({ minimum: 1, maximum: 500, default: 100 }),
  name: Type.String({ description: 'What the name has to contain, in either case; of pages' }),
  use_regex: Type.Boolean({ description: 'Whether `name` is a regular expression (PCRE)' }),
  sort: Type.String({ description: 'Key to sort by, such as `name` or `message_stats.publish`' }),
  sort_reverse: Type.Boolean(),
  columns: Type.String({ description: 'Keys to answer, separated by commas' }),
}

/** Of a single object. */
export const OBJECT_QUERY: Readonly<Record<string, TSchema>> = { columns: LIST_QUERY['columns']! }
