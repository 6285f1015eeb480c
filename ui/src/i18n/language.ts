import { computed, type ReadonlySignal } from '@preact/signals'
import { preferences } from '../state/preferences.ts'

export const LANGUAGES = { en: 'English', zh: '简体中文' } as const
export type Language = keyof typeof LANGUAGES

/** What the browser asks for first, of what there is. */
function browserLanguage(): Language {
  for (const tag of navigator.languages) {
    if (/^zh\b/i.test(tag)) return 'zh'
    if (/^en\b/i.test(tag)) return 'en'
  }
  return 'en'
}

export const language: ReadonlySignal<Language> = computed(() => preferences.language.value ?? browserLanguage())

/** For `lang` attributes and `Intl`. */
export const locale: ReadonlySignal<string> = computed(() => (language.value === 'zh' ? 'zh-CN' : 'en-GB'))

/** A text, a text with values to fill in, or texts under a name. */
export interface Texts {
  readonly [key: string]: string | ((...values: never[]) => string) | Texts
}

/**
 * The texts of a page or component in every language; `.value` has them in the current one, and whoever reads it in a
 * component is drawn again when the language changes. A text that one language lacks is a type error.
 */
export function defineTexts<T extends Texts>(en: T, zh: NoInfer<T>): ReadonlySignal<T> {
  return computed(() => (language.value === 'zh' ? zh : en))
}
