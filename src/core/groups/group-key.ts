import { createHash } from 'node:crypto'
import { type Field, isInteger } from '../fields.ts'
import type { Message } from '../message.ts'
import type { GroupSettings } from './group-settings.ts'

/** Longer keys are replaced by their hash: what a group costs must not be up to its publisher. */
const KEY_CHARACTERS_MAX = 128

/** What tells a message's group from others, or null for a message that belongs to none. */
export function groupKeyOf(message: Message, { headers }: GroupSettings): string | null {
  for (const name of headers) {
    const field = message.header(name)
    const key = field === null ? '' : textOf(field)
    if (key !== '') return key.length <= KEY_CHARACTERS_MAX ? key : hashOf(key)
  }
  return null
}

function textOf(field: Field): string {
  if (isInteger(field)) return String(field.value)
  if (field.type !== 'longstr') return ''
  return typeof field.value === 'string' ? field.value : Buffer.from(field.value).toString('latin1')
}

const hashOf = (key: string): string => `hash ${createHash('sha256').update(key).digest('base64')}`
