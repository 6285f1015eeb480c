const TERM_WIDTH_MAX = 34

/** Terms and what they mean, in two columns. */
export function definitions(rows: readonly (readonly [term: string, meaning: string])[]): string {
  const width = Math.min(TERM_WIDTH_MAX, Math.max(...rows.map(([term]) => term.length)))
  return rows.map(([term, meaning]) => `  ${term.padEnd(width)}  ${meaning}`).join('\n')
}
