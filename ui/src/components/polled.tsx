import type { VNode } from 'preact'
import { common } from '../i18n/common.ts'
import type { Polled } from '../state/poll.ts'
import { ErrorPanel } from './error-panel.tsx'

export function Loading() {
  return (
    <p class="muted" role="status" data-loading>
      {common.value.loading}
    </p>
  )
}

/**
 * What has been asked for: a note until it is here, then `children` of it. An error takes its place, or stands above it
 * when there is an older answer to go on showing.
 */
export function Shown<T>({ of: polled, children }: { readonly of: Polled<T>; readonly children: (data: T) => VNode }) {
  const data = polled.data.value
  const error = polled.error.value
  const panel = error === null ? null : <ErrorPanel error={error} onRetry={polled.refresh} />
  if (data === undefined) return panel ?? <Loading />
  return (
    <>
      {panel}
      {children(data)}
    </>
  )
}
