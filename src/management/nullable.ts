import { type TSchema, Type } from 'typebox'

/**
 * Text or null. A union of both would not do: the check of bodies, which turns `"5"` into 5 where a number is wanted, would turn null
 * into the empty text of the union's first part.
 */
export const nullableText = (): TSchema => Type.Unsafe<string | null>({ type: 'string', nullable: true })
