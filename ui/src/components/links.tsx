import { exchangeInPath } from '../api/exchanges.ts'
import { defineTexts } from '../i18n/language.ts'
import { to } from '../router.ts'
import { Name } from './name.tsx'

const texts = defineTexts({ defaultExchange: '(default exchange)' }, { defaultExchange: '（默认交换机）' })

/** What an exchange is called on the screen, where the default one has no name. */
export const exchangeLabel = (name: string): string => (name === '' ? texts.value.defaultExchange : name)

export function ExchangeLink({ vhost, name }: { readonly vhost: string; readonly name: string }) {
  return (
    <a href={to`/exchanges/${vhost}/${exchangeInPath(name)}`}>
      <Name of={exchangeLabel(name)} />
    </a>
  )
}

export function QueueLink({ vhost, name }: { readonly vhost: string; readonly name: string }) {
  return (
    <a href={to`/queues/${vhost}/${name}`}>
      <Name of={name} />
    </a>
  )
}

export function ConnectionLink({ name }: { readonly name: string }) {
  return (
    <a href={to`/connections/${name}`}>
      <Name of={name} />
    </a>
  )
}

export function ChannelLink({ name }: { readonly name: string }) {
  return (
    <a href={to`/channels/${name}`}>
      <Name of={name} />
    </a>
  )
}
