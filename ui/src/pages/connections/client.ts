import type { Connection } from '../../api/connections.ts'

/** Which client library it is, as far as it says: `amqplib 2.3.1`. */
export function clientName({ client_properties: properties }: Connection): string {
  const text = (name: string): string => {
    const value = properties?.[name]
    return typeof value === 'string' ? value : ''
  }
  return `${text('product')} ${text('version')}`.trim()
}
