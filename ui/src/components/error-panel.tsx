import { common } from '../i18n/common.ts'
import { adviceFor, isOtherwiseDeclared, isTaken } from './advice.ts'
import { Button, ButtonLink } from './button.tsx'
import { Icon } from './icon.tsx'
import './error-panel.css'

/** Stands where content would be, or above content that is stale. */
export function ErrorPanel({
  error,
  onRetry,
  existing,
}: {
  readonly error: unknown
  readonly onRetry?: () => void | Promise<void>
  /** Where that is which one tried to declare: a link to it is shown when it exists already. */
  readonly existing?: string
}) {
  const { title, text } = adviceFor(error)
  return (
    <div class="error-panel" role="alert">
      <Icon name="warning" size={22} />
      <div class="grow">
        <p class="error-panel-title">{title}</p>
        {text !== '' && <p>{text}</p>}
      </div>
      {existing !== undefined && (isOtherwiseDeclared(error) || isTaken(error)) && (
        <ButtonLink size="small" href={existing}>
          {common.value.existing}
        </ButtonLink>
      )}
      {onRetry !== undefined && (
        <Button size="small" onClick={onRetry}>
          {common.value.retry}
        </Button>
      )}
    </div>
  )
}
