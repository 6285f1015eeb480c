/** A value of a table. What the node leaves out or calls null is shown as nothing. */
export type Cell = null | undefined | boolean | number | string | Atom | AmqpTable | NodeStates | readonly Cell[]

/** A word of RabbitMQ's own, such as a state or a tag: in Erlang terms it is an atom and no text. */
export class Atom {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }
}

/** Arguments of a queue, properties of a client: an AMQP table. */
export class AmqpTable {
  readonly fields: Readonly<Record<string, unknown>>
  /** False for what is shown as one, and was never sent: values of a policy have no types. */
  readonly isTyped: boolean

  constructor(fields: Readonly<Record<string, unknown>>, isTyped: boolean) {
    this.fields = fields
    this.isTyped = isTyped
  }
}

/** The state of something on each node. */
export class NodeStates {
  readonly states: Readonly<Record<string, string>>

  constructor(states: Readonly<Record<string, string>>) {
    this.states = states
  }
}

export const atom = (name: string | null | undefined): Atom | null =>
  name === null || name === undefined ? null : new Atom(name)

export const atoms = (names: readonly string[] | null | undefined): readonly Atom[] | null =>
  names === null || names === undefined ? null : names.map((name) => new Atom(name))

/** RabbitMQ answers `[]` for an empty table. */
export const amqpTable = (fields: unknown): AmqpTable => new AmqpTable(fieldsOf(fields), true)

export const keyedTable = (fields: unknown): AmqpTable => new AmqpTable(fieldsOf(fields), false)

function fieldsOf(value: unknown): Record<string, unknown> {
  const isTable = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isTable ? (value as Record<string, unknown>) : {}
}

/** As in rabbitmqctl's tables: lists in brackets, AMQP tables as pairs. */
export function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell === 'string') return escapeControls(cell)
  if (typeof cell === 'number' || typeof cell === 'boolean') return String(cell)
  if (cell instanceof Atom) return escapeControls(cell.name)
  if (cell instanceof AmqpTable) return fieldText(cell.fields)
  if (cell instanceof NodeStates) {
    return `[${Object.entries(cell.states)
      .map(([node, state]) => `{${node}, ${state}}`)
      .join(', ')}]`
  }
  return `[${cell.map(cellText).join(', ')}]`
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') return quote(value)
  if (value === null || value === undefined) return 'undefined'
  if (Array.isArray(value)) return `[${value.map(fieldText).join(',')}]`
  if (typeof value === 'object') {
    const pairs = Object.entries(value).map(([key, field]) => `{${quote(key)},${fieldText(field)}}`)
    return `[${pairs.join(',')}]`
  }
  return String(value)
}

const quote = (text: string): string => `"${escapeControls(text.replaceAll(/["\\]/g, '\\$&'))}"`

/** Names may hold anything: a line feed must not end a line of the table, nor an escape sequence reach the terminal. */
function escapeControls(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`)
}

export function cellJson(cell: Cell): unknown {
  if (cell === null || cell === undefined) return ''
  if (typeof cell !== 'object') return cell
  if (cell instanceof Atom) return cell.name
  if (cell instanceof AmqpTable) return cell.isTyped ? typedFields(cell.fields) : cell.fields
  if (cell instanceof NodeStates) return cell.states
  return cell.map(cellJson)
}

const typedFields = (fields: object): unknown[] => Object.entries(fields).map(([key, value]) => [key, ...typed(value)])

/** `type, value`. JSON has lost which kind of integer it was: they are all `long`. */
function typed(value: unknown): readonly [type: string, value: unknown] {
  if (value === null || value === undefined) return ['void', 'undefined']
  if (typeof value === 'string') return ['longstr', value]
  if (typeof value === 'boolean') return ['bool', value]
  if (typeof value === 'number') return [Number.isInteger(value) ? 'long' : 'double', value]
  return Array.isArray(value) ? ['array', value.map(typed)] : ['table', typedFields(value)]
}
