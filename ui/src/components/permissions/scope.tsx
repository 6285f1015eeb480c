import { useSignal, type Signal } from '@preact/signals'
import type { PermissionScope } from '../../api/permissions.ts'
import { suggestUsers } from '../../api/users.ts'
import { common } from '../../i18n/common.ts'
import { to } from '../../router.ts'
import { preferences } from '../../state/preferences.ts'
import type { Column } from '../data-table.tsx'
import { Field } from '../form.tsx'
import { SuggestInput } from '../suggest-input.tsx'
import { VhostField } from '../vhost-field.tsx'

// A permission joins a user and a virtual host. One of them is given by the page; this is about the other one.

interface Ends {
  readonly user: string
  readonly vhost: string
}

export interface Other {
  readonly value: Signal<string>
  readonly ends: () => Ends
}

export function useOther(scope: PermissionScope): Other {
  const value = useSignal('user' in scope ? (preferences.vhost.peek() ?? '/') : '')
  const ends = (): Ends =>
    'user' in scope ? { user: scope.user, vhost: value.value } : { user: value.value, vhost: scope.vhost }
  return { value, ends }
}

export function OtherField({ scope, other }: { readonly scope: PermissionScope; readonly other: Other }) {
  if ('user' in scope) return <VhostField value={other.value} />
  return (
    <Field label={common.value.user}>
      <SuggestInput value={other.value} suggest={suggestUsers} suggestKey="users" />
    </Field>
  )
}

export const otherOf = (scope: PermissionScope, { user, vhost }: Ends): string => ('user' in scope ? vhost : user)

export function otherColumn<T extends Ends>(scope: PermissionScope): Column<T> {
  return 'user' in scope
    ? {
        id: 'vhost',
        header: common.value.vhost,
        sort: 'vhost',
        cell: ({ vhost }) => <a href={to`/vhosts/${vhost}`}>{vhost}</a>,
      }
    : {
        id: 'user',
        header: common.value.user,
        sort: 'user',
        cell: ({ user }) => <a href={to`/users/${user}`}>{user}</a>,
      }
}

export const scopeKey = (scope: PermissionScope): string =>
  'user' in scope ? `user ${scope.user}` : `vhost ${scope.vhost}`
