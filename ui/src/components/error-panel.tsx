import { common } from '../i18n/common.ts'
import { adviceFor } from './advice.ts'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'
import './error-panel.css'

/** Stands where content would be, or above content that is stale. */
export function ErrorPanel({
  error,
  onRetry,
}: {
  readonly error: unknown
  readonly onRetry?: () => void | Promise<void>
}) {
  const { title, text } = adviceFor(error)
  return (
    <div class="error-panel" role="alert">
      <Icon name="warning" size={22} />
      <div class="grow">
        <p class="error-panel-title">{title}</p>
        {text !== '' && <p>{text}</p>}
      </div>
      {onRetry !== undefined && (
        <Button size="small" onClick={onRetry}>
          {common.value.retry}
        </Button>
      )}
    </div>
  )
}
