import { signal, useSignal, type Signal } from '@preact/signals'
import { parameterNames, putParameter } from '../../api/parameters.ts'
import type { Arguments } from '../../api/types.ts'
import { ActionForm } from '../../components/action-form.tsx'
import { splitKnown } from '../../components/arguments/split-known.ts'
import { Button } from '../../components/button.tsx'
import { Field, FieldGrid, TextInput } from '../../components/form.tsx'
import { Icon } from '../../components/icon.tsx'
import { NameFields } from '../../components/name-fields.tsx'
import { Card } from '../../components/page.tsx'
import { useVhostField } from '../../components/vhost-field.tsx'
import { usePoll } from '../../state/poll.ts'
import { UPSTREAM, UPSTREAM_SET } from './frame.tsx'
import { membersOf, toValue, type Member } from './members.ts'
import { texts } from './texts.ts'
import { upstreamFields } from './upstream-fields.ts'
import { UpstreamKeys } from './upstream-keys.tsx'
import type { FederationFormProps } from './upstream-form.tsx'

interface MemberSignals {
  readonly id: number
  readonly upstream: Signal<string>
  readonly known: Signal<Arguments>
  readonly further: Signal<Arguments>
}

let lastId = 0

function toSignals({ upstream, others }: Member): MemberSignals {
  const { known, further } = splitKnown(others, upstreamFields())
  return { id: ++lastId, upstream: signal(upstream), known: signal(known), further: signal(further) }
}

const toMember = ({ upstream, known, further }: MemberSignals): Member => ({
  upstream: upstream.value,
  others: { ...known.value, ...further.value },
})

const newMember = (): MemberSignals => toSignals({ upstream: '', others: {} })

/** A set of upstreams while it is written. */
export function SetForm({ parameter, onSaved }: FederationFormProps) {
  const t = texts.value
  const newVhost = useVhostField()
  const vhost = useSignal(parameter?.vhost ?? newVhost.peek())
  const name = useSignal(parameter?.name ?? '')
  const members = useSignal<readonly MemberSignals[]>(
    parameter === null ? [newMember()] : membersOf(parameter.value).map(toSignals),
  )
  const upstreams = usePoll(vhost.value, (abort) => parameterNames(UPSTREAM.component, vhost.value, abort), {
    once: true,
  })
  const value = toValue(members.value.map(toMember))
  const send = async (): Promise<void> => {
    const id = { component: UPSTREAM_SET.component, vhost: vhost.value, name: name.value }
    await putParameter({ ...id, value })
    onSaved(id.vhost, id.name)
  }
  const remove = (id: number): void => void (members.value = members.peek().filter((other) => other.id !== id))
  const cancel = parameter === null ? { cancel: UPSTREAM_SET.address } : {}
  return (
    <ActionForm label={t.save} disabled={name.value === '' || value.length === 0} onSend={send} {...cancel}>
      {parameter === null && (
        <Card>
          <FieldGrid>
            <NameFields vhost={vhost} name={name} help={t.nameHelp} />
          </FieldGrid>
        </Card>
      )}
      {members.value.map((member) => (
        <MemberCard
          key={member.id}
          member={member}
          upstreams={upstreams.data.value ?? []}
          remove={() => remove(member.id)}
        />
      ))}
      <div>
        <Button onClick={() => void (members.value = [...members.peek(), newMember()])}>
          <Icon name="plus" size={16} />
          {t.addMember}
        </Button>
      </div>
    </ActionForm>
  )
}

interface MemberCardProps {
  readonly member: MemberSignals
  /** Names that are offered. */
  readonly upstreams: readonly string[]
  readonly remove: () => void
}

function MemberCard({ member, upstreams, remove }: MemberCardProps) {
  const t = texts.value
  const { upstream, known, further } = member
  const title = upstream.value === '' ? t.upstream : upstream.value
  return (
    <Card
      title={title}
      actions={
        <Button kind="quiet" label={t.removeMember(title)} onClick={remove}>
          <Icon name="close" size={16} />
        </Button>
      }
    >
      <FieldGrid>
        <Field label={t.upstream} help={t.memberHelp}>
          <TextInput value={upstream} suggestions={upstreams} />
        </Field>
      </FieldGrid>
      <UpstreamKeys known={known} further={further} />
    </Card>
  )
}
