import { useComputed } from '@preact/signals'
import { listVhostNames } from '../api/vhosts.ts'
import { common } from '../i18n/common.ts'
import { defineTexts, language, LANGUAGES, type Language } from '../i18n/language.ts'
import { preferences, REFRESH_CHOICES_SEC, type Theme } from '../state/preferences.ts'
import { refreshAll, usePoll } from '../state/poll.ts'
import { signOut, user } from '../state/session.ts'
import { AlarmSign } from './alarm-sign.tsx'
import { Button } from './button.tsx'
import { Icon } from './icon.tsx'
import { Menu } from './menu.tsx'
import { showError } from './toasts.tsx'
import './toolbar.css'

const texts = defineTexts(
  {
    allVhosts: 'All virtual hosts',
    interval: 'Refresh',
    every: (seconds: number) => `every ${seconds} s`,
    manually: 'manually',
    settings: 'Settings',
    theme: 'Appearance',
    themes: { system: 'As the system', light: 'Light', dark: 'Dark' },
    language: 'Language',
    signOut: 'Sign out',
    stillSignedIn: 'You are still signed in: the session could not be ended',
    tags: (tags: string) => `Tags: ${tags}`,
  },
  {
    allVhosts: '全部虚拟主机',
    interval: '刷新',
    every: (seconds) => `每 ${seconds} 秒`,
    manually: '手动',
    settings: '设置',
    theme: '外观',
    themes: { system: '跟随系统', light: '浅色', dark: '深色' },
    language: '语言',
    signOut: '退出登录',
    stillSignedIn: '您仍处于登录状态：会话未能结束',
    tags: (tags) => `标签：${tags}`,
  },
)

/** What concerns every page: virtual host, refreshing, settings, the user. */
export function Toolbar() {
  const t = texts.value
  return (
    <div class="toolbar">
      <AlarmSign />
      <VhostChoice />
      <Button kind="quiet" label={common.value.refresh} onClick={refreshAll}>
        <Icon name="refresh" />
      </Button>
      <Menu label={t.settings} icon="user" iconOnly>
        <div>
          <p class="toolbar-user">{user.value?.name}</p>
          <p class="small muted">{t.tags(user.value?.tags.join(', ') ?? '')}</p>
        </div>
        <Settings />
        <Button onClick={leave}>{t.signOut}</Button>
      </Menu>
    </div>
  )
}

async function leave(): Promise<void> {
  try {
    await signOut()
  } catch (error) {
    showError(error, texts.value.stillSignedIn)
  }
}

function VhostChoice() {
  const vhosts = usePoll('vhosts', listVhostNames, { everySec: 30 })
  const names = useComputed(() => vhosts.data.value ?? [])
  const chosen = preferences.vhost.value
  // One that was chosen and is gone would show everything as empty without a word.
  const shown = chosen !== null && !names.value.includes(chosen) ? [chosen, ...names.value] : names.value
  return (
    <select
      class="input select toolbar-vhost"
      aria-label={common.value.vhost}
      value={chosen ?? '*'}
      onChange={(event) => {
        const { selectedIndex } = event.currentTarget
        preferences.vhost.value = selectedIndex === 0 ? null : shown[selectedIndex - 1]!
      }}
    >
      <option value="*">{texts.value.allVhosts}</option>
      {shown.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </select>
  )
}

/** Also on the sign-in page. */
export function LanguageChoice() {
  return (
    <select
      class="input select"
      aria-label={texts.value.language}
      value={language.value}
      onChange={(event) => (preferences.language.value = event.currentTarget.value as Language)}
    >
      {Object.entries(LANGUAGES).map(([code, name]) => (
        <option key={code} value={code} lang={code}>
          {name}
        </option>
      ))}
    </select>
  )
}

function Settings() {
  const t = texts.value
  return (
    <>
      <div class="toolbar-setting">
        <span>{t.interval}</span>
        <select
          class="input select"
          aria-label={t.interval}
          value={String(preferences.refreshSec.value)}
          onChange={(event) => (preferences.refreshSec.value = Number(event.currentTarget.value))}
        >
          {REFRESH_CHOICES_SEC.map((seconds) => (
            <option key={seconds} value={String(seconds)}>
              {seconds === 0 ? t.manually : t.every(seconds)}
            </option>
          ))}
        </select>
      </div>
      <div class="toolbar-setting">
        <span>{t.theme}</span>
        <select
          class="input select"
          aria-label={t.theme}
          value={preferences.theme.value}
          onChange={(event) => (preferences.theme.value = event.currentTarget.value as Theme)}
        >
          {Object.entries(t.themes).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <div class="toolbar-setting">
        <span>{t.language}</span>
        <LanguageChoice />
      </div>
    </>
  )
}
