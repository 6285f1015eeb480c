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

  constructor(fields: Readonly<Record<string, unknown>>) {
    this.fields = fields
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
export function amqpTable(fields: unknown): AmqpTable {
  const isTable = typeof fields === 'object' && fields !== null && !Array.isArray(fields)
  return new AmqpTable(isTable ? (fields as Record<string, unknown>) : {})
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
  if (cell instanceof AmqpTable) return cell.fields
  if (cell instanceof NodeStates) return cell.states
  return cell.map(cellJson)
}
