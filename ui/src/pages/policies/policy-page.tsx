import { deletePolicy, getPolicy, listPolicyKeys, type PolicyKind } from '../../api/policies.ts'
import { Button } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { showDone } from '../../components/toasts.tsx'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { usePoll } from '../../state/poll.ts'
import { PolicyForm } from './policy-form.tsx'
import { addressOf, policyAddress } from './scope.ts'
import { texts } from './texts.ts'

export const PolicyPage = ({ params }: PageComponentProps) => <One kind="policies" params={params} />
export const OperatorPolicyPage = ({ params }: PageComponentProps) => <One kind="operator-policies" params={params} />
export const AddPolicyPage = () => <New kind="policies" />
export const AddOperatorPolicyPage = () => <New kind="operator-policies" />

const titleOf = (kind: PolicyKind): string => (kind === 'policies' ? texts.value.title : texts.value.operatorTitle)

function New({ kind }: { readonly kind: PolicyKind }) {
  const t = texts.value
  const keys = usePoll('policy keys', listPolicyKeys, { once: true })
  return (
    <Page
      title={kind === 'policies' ? t.add : t.operatorAdd}
      crumbs={[{ label: titleOf(kind), href: addressOf(kind) }]}
    >
      <Shown of={keys}>
        {(known) => (
          <PolicyForm
            kind={kind}
            policy={null}
            keys={known}
            onSaved={({ vhost, name }) => {
              showDone(t.saved(name))
              navigate(policyAddress(kind, vhost, name))
            }}
          />
        )}
      </Shown>
    </Page>
  )
}

function One({ kind, params }: PageComponentProps & { readonly kind: PolicyKind }) {
  const t = texts.value
  const vhost = params['vhost']!
  const name = params['name']!
  // Once: what somebody is writing must not be written over.
  const load = (signal: AbortSignal) => Promise.all([getPolicy(kind, vhost, name, signal), listPolicyKeys(signal)])
  const loaded = usePoll(`${kind} ${vhost} ${name}`, load, { once: true })
  const remove = async (): Promise<void> => {
    const question = { title: t.deleteTitle(name), text: t.deleteText, confirm: t.delete, danger: true }
    if (!(await confirm(question))) return
    await deletePolicy(kind, vhost, name)
    showDone(t.deleted(name))
    navigate(addressOf(kind))
  }
  return (
    <Page
      title={name}
      crumbs={[{ label: titleOf(kind), href: addressOf(kind) }]}
      lead={vhost}
      actions={
        <Button kind="danger" onClick={remove}>
          {t.delete}
        </Button>
      }
    >
      <Shown of={loaded}>
        {([policy, keys]) => (
          <PolicyForm kind={kind} policy={policy} keys={keys} onSaved={() => showDone(t.saved(name))} />
        )}
      </Shown>
    </Page>
  )
}
