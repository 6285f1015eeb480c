import { failure } from './failures.ts'

/** @throws CliError in rabbitmqctl's words when it is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw failure(`JSON decoding error. Reason: ${(error as Error).message}`)
  }
}

/** @throws CliError when it is JSON but no object */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> {
  const value = parseJson(text)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw failure(`JSON decoding error. Reason: an object is wanted, such as {"name": "value"}`)
}
