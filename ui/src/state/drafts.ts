import { useEffect, useMemo } from 'preact/hooks'

// Forms that somebody has begun to fill in. With the page they go, so that whoever leaves it is asked before.

const begun = new Set<object>()

export const hasDrafts = (): boolean => begun.size > 0
/** What is left now is left on purpose. */
export const forgetDrafts = (): void => begun.clear()

/** How it is asked whether what was filled in may be lost. The layout, which has the dialogs, says how. */
export const leaving: { ask: () => Promise<boolean> } = { ask: async () => true }

export interface Draft {
  /** Of the form. */
  readonly onInput: () => void
  /** What was filled in has been sent. */
  readonly settle: () => void
}

export function useDraft(): Draft {
  const draft = useMemo(() => {
    const own = {}
    return { onInput: () => void begun.add(own), settle: () => void begun.delete(own) }
  }, [])
  useEffect(() => draft.settle, [draft])
  return draft
}

addEventListener('beforeunload', (event) => {
  if (hasDrafts()) event.preventDefault()
})
