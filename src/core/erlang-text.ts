import { erlangBinary, erlangFloat } from '../util/erlang-term.ts'
import type { Field, Table } from './fields.ts'

/** A value as RabbitMQ's error texts show it: `<<"zip">>`, `<<0,20>>`, `1`, `true`, `[{<<"key">>,signedint,1}]`. */
export function erlangText(field: Field): string {
  switch (field.type) {
    case 'longstr':
    case 'binary':
      return erlangBinary(field.value)
    case 'double':
    case 'float':
      return erlangFloat(field.value)
    case 'decimal':
      return `{${field.value.scale},${field.value.unscaled}}`
    case 'table':
      return tableText(field.value)
    case 'array':
      return `[${field.value.map((item) => `{${item.type},${erlangText(item)}}`).join(',')}]`
    case 'void':
      return 'undefined'
    default:
      return String(field.value)
  }
}

function tableText(table: Table): string {
  const entries: string[] = []
  for (const [key, field] of table) entries.push(`{${erlangBinary(key)},${field.type},${erlangText(field)}}`)
  return `[${entries.join(',')}]`
}
