import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifySchema } from 'fastify'
import { type TSchema, Type } from 'typebox'

// The OpenAPI document. Fastify would also serialize by the schemas of answers, and leave out every key that they do not name: they
// are for the document alone, under a key of their own.

/** By status; null where there is no body. */
export type Answers = Readonly<Record<number, TSchema | null>>

declare module 'fastify' {
  interface FastifySchema {
    answers?: Answers
  }
}

const ANSWERS = 'x-answers'

/** An object whose keys the page about it tells. */
export const ANY_OBJECT: TSchema = Type.Object({}, { additionalProperties: true })
export const LIST_OF_OBJECTS: TSchema = Type.Array(ANY_OBJECT)
/** The status and body of work that goes on for a while. */
export const JOB_BEGUN: Answers = {
  202: Type.Object({ id: Type.String(), kind: Type.String(), target: Type.String(), state: Type.String() }),
}
export const NO_CONTENT: Answers = { 204: null }

const PageOfObjects = Type.Object({
  filtered_count: Type.Integer(),
  item_count: Type.Integer(),
  items: LIST_OF_OBJECTS,
  page: Type.Integer(),
  page_count: Type.Integer(),
  page_size: Type.Integer(),
  total_count: Type.Integer(),
})
const Mistake = Type.Object({
  error: Type.String({ description: 'What kind of mistake it is' }),
  reason: Type.Unknown({ description: 'What is wrong: a text mostly' }),
})

const DESCRIPTIONS: Readonly<Record<string, string>> = {
  200: 'What was asked for',
  201: 'It is new',
  202: 'It has begun',
  204: 'Done',
  303: 'Done; where a form goes on',
  503: 'It is not as it should be; the body says why',
}

/** Settings of the document: security, answers, and the form of mistakes. */
export const openApiSettings = (version: string): FastifyDynamicSwaggerOptions => ({
  openapi: {
    info: { title: 'WarrenMQ HTTP API', version },
    components: {
      securitySchemes: {
        basic: { type: 'http', scheme: 'basic' },
        bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
        session: { type: 'apiKey', in: 'cookie', name: 'warren_session', description: 'Of POST /api/session' },
      },
      schemas: { Mistake, Page: PageOfObjects } as Readonly<Record<string, object>>,
    },
    security: [{ basic: [] }, { bearer: [] }, { session: [] }],
  },
  transform: ({ schema, url, route }) => {
    const { answers = usualAnswers(String(route.method), schema), ...described } = schema
    const open = route.config?.open === true ? { security: [] } : {}
    return { schema: Object.assign(described, open, { [ANSWERS]: answers }), url }
  },
  transformObject: (document) => {
    if (!('openapiObject' in document)) throw new TypeError('the document is not in the form of OpenAPI')
    const { openapiObject } = document
    for (const item of Object.values(openapiObject.paths ?? {})) {
      for (const operation of Object.values(item ?? {})) writeAnswers(operation as Operation)
    }
    return openapiObject
  },
})

/** Of most routes: lists and objects to look at, and what is put or deleted without a word. */
function usualAnswers(method: string, { querystring }: FastifySchema): Answers {
  if (method === 'PUT') return { 201: null, 204: null }
  if (method === 'DELETE') return NO_CONTENT
  const { properties = {} } = (querystring ?? {}) as { readonly properties?: object }
  return { 200: Object.hasOwn(properties, 'page') ? Type.Union([LIST_OF_OBJECTS, PAGE]) : ANY_OBJECT }
}

const PAGE = Type.Unsafe({ $ref: '#/components/schemas/Page' })

interface Operation {
  [ANSWERS]?: Answers
  responses: Record<string, object>
}

function writeAnswers(operation: Operation): void {
  const answers = operation[ANSWERS]
  delete operation[ANSWERS]
  operation.responses = {}
  for (const [status, schema] of Object.entries(answers ?? {})) {
    operation.responses[status] = { description: DESCRIPTIONS[status]!, ...(schema === null ? {} : contentOf(schema)) }
  }
  operation.responses['default'] = {
    description: 'It is refused, or there is no such thing',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Mistake' } } },
  }
}

/** JSON, unless the schema says otherwise as it would of a text inside of JSON. */
function contentOf(schema: TSchema): object {
  const { contentMediaType = 'application/json', ...rest } = schema as { readonly contentMediaType?: string }
  return { content: { [contentMediaType]: { schema: rest } } }
}
