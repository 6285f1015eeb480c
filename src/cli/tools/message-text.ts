import type { MessageLine } from './message-line.ts'

export interface MessageSight {
  /** ms since the epoch. */
  readonly at: number
  /** `publish` or `deliver` where that is not plain. */
  readonly event?: string
  readonly message: MessageLine
}

/** Characters of a body that are shown. */
const BODY_MAX = 2000

/** A message for people: a line on it, and its body. */
export function messageText({ at, event, message }: MessageSight, bold: (text: string) => string): string {
  const { exchange, routing_key: key, properties } = message
  const from = exchange === '' ? `queue ${key}` : `${exchange} → ${key}`
  const facts = Object.entries(properties).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  const head = [clock(at), ...(event === undefined ? [] : [event]), from, `${bodyBytes(message)} bytes`, ...facts]
  return `${bold(visible(head.join('  ')))}\n${bodyText(message)}`
}

/** Of the day, in local time. */
export function clock(at: number): string {
  const time = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

export const bodyBytes = ({ body, encoding }: MessageLine): number =>
  Buffer.byteLength(body, encoding === 'base64' ? 'base64' : 'utf8')

function bodyText({ body, encoding }: MessageLine): string {
  const shown = body.length > BODY_MAX ? `${body.slice(0, BODY_MAX)} …` : body
  return encoding === 'base64' ? `(base64) ${shown}` : visible(shown, true)
}

/** What would move the cursor or do worse in a terminal is shown by its code. */
function visible(text: string, multiline = false): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, (c) =>
    multiline && (c === '\n' || c === '\t') ? c : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
