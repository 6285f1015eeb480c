/** Names of headers travel as short strings. */
const HEADER_BYTES_MAX = 255

/** Whether a setting can be the name of a header. */
export const isHeaderName = (value: unknown): boolean =>
  typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= HEADER_BYTES_MAX
