import { useSignal } from '@preact/signals'
import { useEffect } from 'preact/hooks'
import { ApiError } from '../../api/http.ts'
import { Button } from '../../components/button.tsx'
import { adviceFor } from '../../components/advice.ts'
import { Field, PasswordInput, TextInput } from '../../components/form.tsx'
import { Logo } from '../../components/logo.tsx'
import { LanguageChoice } from '../../components/toolbar.tsx'
import { common } from '../../i18n/common.ts'
import { defineTexts } from '../../i18n/language.ts'
import { signIn } from '../../state/session.ts'
import './sign-in-page.css'

const texts = defineTexts(
  {
    title: 'Sign in',
    name: 'User name',
    password: 'Password',
    expired: 'The session is over. Sign in to go on where you were.',
    wrong: 'User name or password is wrong, or the user lacks the tag “management”.',
    elsewhere:
      'This user may sign in from the machine of the broker only (loopback_users). Take another user, or sign in there.',
    signIn: 'Sign in',
  },
  {
    title: '登录',
    name: '用户名',
    password: '密码',
    expired: '会话已结束。请重新登录以继续。',
    wrong: '用户名或密码错误，或该用户没有 management 标签。',
    elsewhere: '该用户只能从消息服务器所在的机器登录（loopback_users）。请换用其他用户，或在该机器上登录。',
    signIn: '登录',
  },
)

/** What the API says, RabbitMQ's as well, of who has the right password in the wrong place. */
const ELSEWHERE = 'User can only log in via localhost'

export function SignInPage({ expired }: { readonly expired: boolean }) {
  const t = texts.value
  const name = useSignal('')
  const password = useSignal('')
  const failure = useSignal<unknown>(null)
  const busy = useSignal(false)
  useEffect(() => void (document.title = `${t.title} · WarrenMQ`), [t])
  const submit = async (): Promise<void> => {
    if (busy.peek()) return
    busy.value = true
    failure.value = null
    try {
      await signIn(name.value, password.value)
    } catch (error) {
      failure.value = error
      password.value = ''
    } finally {
      busy.value = false
    }
  }
  return (
    <main class="sign-in">
      <form
        class="sign-in-card"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <div class="sign-in-brand">
          <Logo size={40} />
          <h1>WarrenMQ</h1>
        </div>
        {expired && failure.value === null && <p class="sign-in-note">{t.expired}</p>}
        {failure.value !== null && (
          <p class="sign-in-error" role="alert">
            {messageFor(failure.value)}
          </p>
        )}
        <Field label={t.name}>
          <TextInput value={name} autocomplete="username" required autofocus />
        </Field>
        <Field label={t.password}>
          <PasswordInput value={password} autocomplete="current-password" />
        </Field>
        <Button kind="primary" submit busy={busy.value}>
          {t.signIn}
        </Button>
        <LanguageChoice />
      </form>
    </main>
  )
}

function messageFor(error: unknown): string {
  if (error instanceof ApiError && error.status === 401) {
    return error.message === ELSEWHERE ? texts.value.elsewhere : texts.value.wrong
  }
  const { title, text } = adviceFor(error)
  return common.value.sentences(title, text)
}
