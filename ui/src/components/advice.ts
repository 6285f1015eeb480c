import { ApiError, isUnaddressable } from '../api/http.ts'
import { duration } from '../format.ts'
import { defineTexts } from '../i18n/language.ts'

const texts = defineTexts(
  {
    said: (reason: string) => `The broker says: ${reason}`,
    unreachable: 'The broker cannot be reached',
    unreachableHint:
      'Check that it runs and that this address leads to it. The page goes on by itself when it answers.',
    unaddressable: (name: string) => `Browsers cannot address what is called “${name}”`,
    unaddressableHint:
      'In an address this means a step upwards or to where one is, so that a browser asks for something else. Nothing was asked. Take a client of another protocol or a command line tool for it.',
    refused: 'You may not do this',
    refusedHint: 'It takes another user tag, or a permission on the virtual host. An administrator can give it to you.',
    missing: 'It does not exist (any more)',
    missingHint: 'Somebody may have deleted it, or the address is wrong. Go back to the list.',
    unsupported: 'This broker does not know that',
    invalid: 'The broker did not accept it',
    exists: 'One of this name exists already, with other properties',
    taken: 'One of this name exists already',
    takenHint: 'Nothing was changed. Take another name, or change that one on its own page.',
    conflict: 'It does not fit what exists already',
    tooMany: 'Too many attempts',
    tooManyHint: (wait: string) => `Wait ${wait} and try again.`,
    unavailable: 'The broker cannot do this now',
    unavailableHint: 'Look for alarms on the overview, and try again.',
    failed: 'The broker failed',
    failedHint: 'Its log says why.',
    console: 'Something in this page went wrong',
    consoleHint: 'Reload it. If it happens again, it is a mistake in the console: please report it.',
  },
  {
    said: (reason) => `服务器的回答：${reason}`,
    unreachable: '无法连接到消息服务器',
    unreachableHint: '请检查服务器是否在运行，以及此地址是否正确。服务器恢复后页面会自动继续。',
    unaddressable: (name) => `浏览器无法访问名为“${name}”的对象`,
    unaddressableHint:
      '它在地址中表示当前或上一级，浏览器会因此请求另一个对象。没有发出任何请求。请改用其他协议的客户端或命令行工具。',
    refused: '您没有执行此操作的权限',
    refusedHint: '需要其他用户标签，或虚拟主机上的权限。请联系管理员。',
    missing: '对象不存在（或已被删除）',
    missingHint: '可能已被他人删除，或地址有误。请返回列表。',
    unsupported: '此服务器不支持该操作',
    invalid: '服务器未接受该请求',
    exists: '同名对象已存在，且属性不同',
    taken: '同名对象已存在',
    takenHint: '未作任何更改。请使用其他名称，或在其页面上修改。',
    conflict: '与现有对象冲突',
    tooMany: '尝试次数过多',
    tooManyHint: (wait) => `请等待 ${wait}后重试。`,
    unavailable: '服务器暂时无法执行此操作',
    unavailableHint: '请在概览页查看告警，然后重试。',
    failed: '服务器出错',
    failedHint: '原因请查看服务器日志。',
    console: '页面出现错误',
    consoleHint: '请重新加载。如果再次出现，这是控制台的缺陷，请报告。',
  },
)

interface Advice {
  readonly title: string
  readonly text: string
}

/** What was declared is there already, and not the same. The reason says in what it differs. */
export const isOtherwiseDeclared = (error: unknown): boolean =>
  error instanceof ApiError && error.status === 400 && /inequivalent arg/.test(error.message)

/** What was to be added has a name that something else has. */
export const isTaken = (error: unknown): boolean => error instanceof ApiError && error.code === 'taken'

/** Why something cannot get that name here; null when it can. For the error of a field. */
export const nameFault = (name: string): string | null =>
  isUnaddressable(name) ? texts.value.unaddressable(name) : null

/** What went wrong, and what to do about it, for people. */
export function adviceFor(error: unknown): Advice {
  const t = texts.value
  if (!(error instanceof ApiError)) return { title: t.console, text: `${t.consoleHint} (${String(error)})` }
  const said = error.message === '' ? '' : t.said(error.message)
  const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join(' ')
  if (error.code === 'unaddressable') return { title: t.unaddressable(error.message), text: t.unaddressableHint }
  if (isTaken(error)) return { title: t.taken, text: t.takenHint }
  if (isOtherwiseDeclared(error)) return { title: t.exists, text: said }
  switch (error.status) {
    case 0:
      return { title: t.unreachable, text: t.unreachableHint }
    case 400:
    case 413:
    case 422:
      return { title: t.invalid, text: said }
    case 401: // of a session that is over nobody gets to read: the sign-in is there then
    case 403:
      return { title: t.refused, text: join(t.refusedHint, said) }
    case 404:
      return { title: t.missing, text: t.missingHint }
    case 405:
    case 501:
      return { title: t.unsupported, text: said }
    case 409:
      return { title: t.conflict, text: said }
    case 429:
      return { title: t.tooMany, text: t.tooManyHint(duration((error.retryAfterSec ?? 30) * 1000)) }
    case 503:
      return { title: t.unavailable, text: join(t.unavailableHint, said) }
    default:
      return { title: t.failed, text: join(t.failedHint, said) }
  }
}
