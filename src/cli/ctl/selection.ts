/** Columns as they were asked for, each word may name several (`name,messages`); the usual ones where none were. */
export function pickColumns(args: readonly string[], usual: readonly string[]): readonly string[] {
  const asked = args.flatMap((word) => word.split(',')).filter((name) => name !== '')
  return asked.length === 0 ? usual : asked
}
