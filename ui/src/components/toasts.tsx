import { signal } from '@preact/signals'
import { adviceFor } from './advice.ts'
import { Icon } from './icon.tsx'
import { common } from '../i18n/common.ts'
import { Name } from './name.tsx'
import './toasts.css'

interface Toast {
  readonly id: number
  readonly tone: 'ok' | 'danger'
  readonly title: string
  readonly text: string
}

const SHOWN_MS = 6000
const MOST = 4

const toasts = signal<readonly Toast[]>([])
let lastId = 0

function show(tone: Toast['tone'], title: string, text: string): void {
  const toast = { id: ++lastId, tone, title, text }
  toasts.value = [...toasts.value.slice(1 - MOST), toast]
  // Errors stay until they are read.
  if (tone === 'ok') setTimeout(() => dismiss(toast.id), SHOWN_MS)
}

const dismiss = (id: number): void => {
  toasts.value = toasts.value.filter((toast) => toast.id !== id)
}

/** Says that something was done. */
export const showDone = (title: string): void => show('ok', title, '')

/** Says what went wrong and what to do about it. @param failed what has not happened, where that is not plain */
export function showError(error: unknown, failed?: string): void {
  const { title, text } = adviceFor(error)
  if (failed === undefined) show('danger', title, text)
  else show('danger', failed, common.value.sentences(title, text))
}

/** Stands once in the layout. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={`toast toast-${toast.tone}`}>
          <Icon name={toast.tone === 'ok' ? 'check' : 'warning'} />
          <div class="grow">
            <p class="toast-title">
              <Name of={toast.title} />
            </p>
            {toast.text !== '' && <p class="small">{toast.text}</p>}
          </div>
          <button type="button" class="toast-close" aria-label={common.value.close} onClick={() => dismiss(toast.id)}>
            <Icon name="close" size={16} />
          </button>
        </div>
      ))}
    </div>
  )
}
