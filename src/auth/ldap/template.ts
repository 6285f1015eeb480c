/** Values of `${variables}` in patterns. */
export type Variables = ReadonlyMap<string, string>

/** Unknown variables stay as they are. */
export function fill(
  pattern: string,
  variables: Variables,
  escape: (value: string) => string = (value) => value,
): string {
  return pattern.replace(/\$\{([^}]*)\}/g, (placeholder, name: string) => {
    const value = variables.get(name)
    return value === undefined ? placeholder : escape(value)
  })
}

/**
 * Fills the pattern of a DN: values are data, and cannot add parts to it (RFC 4514, 2.4). `user_dn` is a DN already. What is no DN, like
 * `${username}@example.com`, takes the values as they are.
 */
export function fillDn(pattern: string, variables: Variables): string {
  if (!pattern.includes('=')) return fill(pattern, variables)
  const escaped = new Map([...variables].map(([name, value]) => [name, name === 'user_dn' ? value : escapeDn(value)]))
  return fill(pattern, escaped)
}

/** @param value of one attribute in a DN */
const escapeDn = (value: string): string =>
  value.replace(/[,+"\\<>;\0]|^[ #]| $/g, (char) => (char === '\0' ? '\\00' : `\\${char}`))

/** What `DOMAIN\user`, as Active Directory has it, consists of. */
export function activeDirectoryVariables(username: string): [string, string][] {
  const parts = username.split('\\').filter((part) => part !== '')
  if (parts.length !== 2) return []
  return [
    ['ad_domain', parts[0]!],
    ['ad_user', parts[1]!],
  ]
}

/** Whether two DNs are written the same, but for case and for blanks around separators. */
export const sameDn = (a: string, b: string): boolean => normalizeDn(a) === normalizeDn(b)

export const normalizeDn = (dn: string): string =>
  dn
    .toLowerCase()
    .replace(/\s*([,=+])\s*/g, '$1')
    .trim()
