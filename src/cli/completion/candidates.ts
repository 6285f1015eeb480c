/** What a shell may offer for the word under the cursor: words, or the files that it knows of itself. */
export type Candidates = 'files' | readonly Candidate[]

export interface Candidate {
  readonly word: string
  /** One line; '' where the word says it all. */
  readonly help: string
}

export const candidatesOf = (words: Iterable<string>): Candidate[] => [...words].map((word) => ({ word, help: '' }))
