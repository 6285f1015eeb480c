import { Component, type ComponentChildren } from 'preact'
import { ErrorPanel } from './error-panel.tsx'

interface Props {
  readonly children: ComponentChildren
}

interface State {
  readonly error: unknown
}

/** Keeps a mistake in one page from taking the navigation with it. */
export class ErrorBoundary extends Component<Props, State> {
  override state: State = { error: null }

  static override getDerivedStateFromError(error: unknown): State {
    return { error }
  }

  override componentDidCatch(error: unknown): void {
    console.error(error)
  }

  override render() {
    if (this.state.error === null) return this.props.children
    return <ErrorPanel error={this.state.error} onRetry={() => location.reload()} />
  }
}
