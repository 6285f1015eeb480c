/** Why something that a newer version of the program has written is left alone. @param known the newest format that is read */
export const newerFormatText = (name: string, format: number, known: number): string =>
  `${name} has format ${format}, written by a newer version of this program; this version reads up to format ${known}`
