import type { Expression } from './expression.ts'

/**
 * At most how often an engine that tries one way after the other comes to a place in a text. Infinity for what grows exponentially.
 * @param length of the text, in characters
 */
export const backtracksWithin = (expression: Expression, length: number): number =>
  waysThrough(expression, length) * (isAnchored(expression) ? 1 : length + 1)

/** In how many ways it can match from one place, those included that come to nothing later. */
function waysThrough(expression: Expression, length: number): number {
  switch (expression.kind) {
    case 'set':
    case 'assertion':
      return 1
    case 'look':
      return waysThrough(expression.body, length)
    case 'sequence':
      return expression.parts.reduce((ways, part) => ways * waysThrough(part, length), 1)
    case 'choice':
      return expression.branches.reduce((ways, branch) => ways + waysThrough(branch, length), 0)
    case 'repeat': {
      const { body, min, max } = expression
      // an engine goes no further round when a round has matched nothing
      const most = Math.max(min, Math.min(max, length))
      const ways = waysThrough(body, length)
      return (most - min + 1) * (max === 0 ? 1 : ways ** most)
    }
  }
}

function isAnchored(expression: Expression): boolean {
  if (expression.kind === 'assertion') return expression.what === '^'
  return expression.kind === 'sequence' && expression.parts.length > 0 && isAnchored(expression.parts[0]!)
}
