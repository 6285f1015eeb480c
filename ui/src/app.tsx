import { useSignal } from '@preact/signals'
import type { ComponentType } from 'preact'
import { useEffect } from 'preact/hooks'
import { ErrorPanel } from './components/error-panel.tsx'
import { Layout } from './components/layout.tsx'
import { Empty, Page } from './components/page.tsx'
import { Loading } from './components/polled.tsx'
import { ErrorBoundary } from './components/error-boundary.tsx'
import { ButtonLink } from './components/button.tsx'
import { defineTexts, locale } from './i18n/language.ts'
import { SignInPage } from './pages/sign-in/sign-in-page.tsx'
import { matchPath, path } from './router.ts'
import { ROUTES, type PageComponentProps, type Params } from './routes.ts'
import { loadChunk, retryUnreachable } from './state/page-load.ts'
import { resumeQuietly, resumeSession, session } from './state/session.ts'

const texts = defineTexts(
  { noPage: 'There is no such page', noPageHint: 'The address may be mistyped.', home: 'To the overview' },
  { noPage: '没有这个页面', noPageHint: '地址可能有误。', home: '返回概览' },
)

export function App() {
  useEffect(() => void (document.documentElement.lang = locale.value), [locale.value])
  const state = session.value
  useEffect(
    () => (state.kind === 'failed' ? retryUnreachable(state.error, () => void resumeQuietly()) : undefined),
    [state],
  )
  switch (state.kind) {
    case 'loading':
      return null
    case 'failed':
      return (
        <main class="app-failed">
          <ErrorPanel error={state.error} onRetry={resumeSession} />
        </main>
      )
    case 'signed-out':
      return <SignInPage expired={state.expired} />
    case 'signed-in':
      return (
        <Layout>
          <Outlet />
        </Layout>
      )
  }
}

interface Shown {
  readonly path: string
  readonly params: Params
  readonly component: ComponentType<PageComponentProps>
}

/** Shows the page of the current address. The old one stays until the new one has been fetched. */
function Outlet() {
  const shown = useSignal<Shown | null>(null)
  const failure = useSignal<unknown>(null)
  const attempt = useSignal(0)
  const again = (): void => void attempt.value++
  useEffect(() => retryUnreachable(failure.value, again), [failure.value])
  useEffect(() => {
    let left = false
    const wanted = path.value
    failure.value = null
    const show = async (): Promise<void> => {
      try {
        const found = await loadPage(wanted)
        if (!left) shown.value = { path: wanted, ...found }
      } catch (error) {
        if (!left) failure.value = error
      }
    }
    void show()
    return () => void (left = true)
  }, [path.value, attempt.value])

  if (failure.value !== null) return <ErrorPanel error={failure.value} onRetry={again} />
  if (shown.value === null) return <Loading />
  const { component: Component, params, path: key } = shown.value
  return (
    <ErrorBoundary key={key}>
      <div data-path={key}>
        <Component params={params} />
      </div>
    </ErrorBoundary>
  )
}

async function loadPage(wanted: string): Promise<Omit<Shown, 'path'>> {
  for (const route of ROUTES) {
    const params = matchPath(route.pattern, wanted)
    if (params !== null) return { params, component: await loadChunk(route.load) }
  }
  return { params: {}, component: NoPage }
}

function NoPage() {
  const t = texts.value
  return (
    <Page title={t.noPage}>
      <Empty title={t.noPage} hint={t.noPageHint} action={<ButtonLink href="#/">{t.home}</ButtonLink>} />
    </Page>
  )
}
