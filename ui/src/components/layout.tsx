import { useSignal } from '@preact/signals'
import type { ComponentChildren } from 'preact'
import { useEffect } from 'preact/hooks'
import { path } from '../router.ts'
import { NAVIGATION, sectionTitles, type NavigationItem } from '../navigation.ts'
import { defineTexts } from '../i18n/language.ts'
import { leaving } from '../state/drafts.ts'
import { confirm, ConfirmDialog } from './dialog.tsx'
import { Jobs } from './jobs.tsx'
import { Icon } from './icon.tsx'
import { Logo } from './logo.tsx'
import { Toasts } from './toasts.tsx'
import { Toolbar } from './toolbar.tsx'
import './layout.css'

const texts = defineTexts(
  {
    skip: 'Skip to the content',
    navigation: 'Main navigation',
    menu: 'Menu',
    leaveTitle: 'Leave this page?',
    leaveText: 'What you have filled in here has not been sent, and is lost.',
    leave: 'Leave',
  },
  {
    skip: '跳到主要内容',
    navigation: '主导航',
    menu: '菜单',
    leaveTitle: '离开此页面？',
    leaveText: '您在此填写的内容尚未提交，离开后将丢失。',
    leave: '离开',
  },
)

leaving.ask = () => {
  const t = texts.peek()
  return confirm({ title: t.leaveTitle, text: t.leaveText, confirm: t.leave, danger: true })
}

/** What surrounds every page once somebody is signed in. */
export function Layout({ children }: { readonly children: ComponentChildren }) {
  const open = useSignal(false)
  useEffect(() => void (open.value = false), [path.value])
  useShortcuts()
  const t = texts.value
  return (
    <div class="layout">
      <a
        class="layout-skip button button-primary"
        href={`#${path.value}`}
        onClick={(event) => {
          event.preventDefault()
          document.querySelector<HTMLElement>('#content')?.focus()
        }}
      >
        {t.skip}
      </a>
      <header class="layout-bar">
        <button
          type="button"
          class="layout-menu button button-quiet"
          aria-label={t.menu}
          aria-expanded={open.value}
          aria-controls="navigation"
          onClick={() => (open.value = !open.value)}
        >
          <Icon name={open.value ? 'close' : 'menu'} size={20} />
        </button>
        <a class="layout-brand" href="#/">
          <Logo />
          <span>WarrenMQ</span>
        </a>
        <Toolbar />
      </header>
      <nav id="navigation" class={open.value ? 'layout-nav layout-nav-open' : 'layout-nav'} aria-label={t.navigation}>
        {NAVIGATION.filter(({ items }) => items.some(isVisible)).map(({ section, items }) => (
          <div key={section}>
            {sectionTitles.value[section] !== '' && <p class="layout-section">{sectionTitles.value[section]}</p>}
            <ul>
              {items.map((item) => (
                <NavigationLink key={item.href} item={item} />
              ))}
            </ul>
          </div>
        ))}
      </nav>
      <main id="content" tabIndex={-1}>
        {children}
      </main>
      <ConfirmDialog />
      <Jobs />
      <Toasts />
    </div>
  )
}

const isVisible = ({ needs }: NavigationItem): boolean => needs?.value ?? true

function NavigationLink({ item }: { readonly item: NavigationItem }) {
  if (!isVisible(item)) return null
  const current = [item.href, ...(item.also ?? [])].some(isCurrent)
  return (
    <li>
      <a href={item.href} aria-current={current ? 'page' : undefined}>
        {item.title()}
      </a>
    </li>
  )
}

function isCurrent(href: string): boolean {
  const own = href.slice(1)
  return path.value === own || (own !== '/' && path.value.startsWith(`${own}/`))
}

/** `/` goes to the filter of the page. */
function useShortcuts(): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement
      if (event.key !== '/' || event.ctrlKey || event.metaKey || target.closest('input, textarea, select, dialog'))
        return
      const filter = document.querySelector<HTMLElement>('[data-shortcut="/"]')
      if (filter === null) return
      event.preventDefault()
      filter.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
}
