import { deleteParameter, getParameter } from '../../api/parameters.ts'
import { Button } from '../../components/button.tsx'
import { confirm } from '../../components/dialog.tsx'
import { Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { showDone } from '../../components/toasts.tsx'
import { navigate } from '../../router.ts'
import type { PageComponentProps } from '../../routes.ts'
import { usePoll } from '../../state/poll.ts'
import { addressOf, UPSTREAM, UPSTREAM_SET, type Kind } from './frame.tsx'
import { SetForm } from './set-form.tsx'
import { texts } from './texts.ts'
import { UpstreamForm } from './upstream-form.tsx'

export const AddUpstreamPage = () => <New kind={UPSTREAM} />
export const AddUpstreamSetPage = () => <New kind={UPSTREAM_SET} />
export const UpstreamPage = ({ params }: PageComponentProps) => <One kind={UPSTREAM} params={params} />
export const UpstreamSetPage = ({ params }: PageComponentProps) => <One kind={UPSTREAM_SET} params={params} />

const crumbsOf = (kind: Kind): readonly { readonly label: string; readonly href: string }[] => {
  const t = texts.value
  const list = { label: kind === UPSTREAM ? t.upstreams : t.sets, href: kind.address }
  return [{ label: t.title, href: '#/federation' }, list]
}

function New({ kind }: { readonly kind: Kind }) {
  const t = texts.value
  const Form = kind === UPSTREAM ? UpstreamForm : SetForm
  return (
    <Page title={kind === UPSTREAM ? t.addUpstream : t.addSet} crumbs={crumbsOf(kind)}>
      <Form
        parameter={null}
        onSaved={(vhost, name) => {
          showDone(t.saved(name))
          navigate(addressOf(kind, vhost, name))
        }}
      />
    </Page>
  )
}

function One({ kind, params }: PageComponentProps & { readonly kind: Kind }) {
  const t = texts.value
  const vhost = params['vhost']!
  const name = params['name']!
  const id = { component: kind.component, vhost, name }
  // Once: what somebody is writing must not be written over.
  const parameter = usePoll(JSON.stringify(id), (signal) => getParameter(id, signal), { once: true })
  const Form = kind === UPSTREAM ? UpstreamForm : SetForm
  const remove = async (): Promise<void> => {
    const question = { title: t.deleteTitle(name), text: t.deleteText, confirm: t.delete, danger: true }
    if (!(await confirm(question))) return
    await deleteParameter(id)
    showDone(t.deleted(name))
    navigate(kind.address)
  }
  return (
    <Page
      title={name}
      crumbs={crumbsOf(kind)}
      lead={vhost}
      actions={
        <Button kind="danger" onClick={remove}>
          {t.delete}
        </Button>
      }
    >
      <Shown of={parameter}>{(data) => <Form parameter={data} onSaved={() => showDone(t.saved(name))} />}</Shown>
    </Page>
  )
}
