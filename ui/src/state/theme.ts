import { computed, effect, signal, type ReadonlySignal } from '@preact/signals'
import { preferences } from './preferences.ts'

const dark = matchMedia('(prefers-color-scheme: dark)')
const systemIsDark = signal(dark.matches)
dark.addEventListener('change', () => (systemIsDark.value = dark.matches))

/** What is on the screen now. Charts, which know no CSS variables, are drawn again when it changes. */
export const shownTheme: ReadonlySignal<'light' | 'dark'> = computed(() => {
  const wanted = preferences.theme.value
  if (wanted !== 'system') return wanted
  return systemIsDark.value ? 'dark' : 'light'
})

effect(() => {
  document.documentElement.dataset['theme'] = shownTheme.value
})
