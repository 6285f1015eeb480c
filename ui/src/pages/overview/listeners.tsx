import type { Listener } from '../../api/overview.ts'
import { Card } from '../../components/page.tsx'
import { SimpleTable } from '../../components/simple-table.tsx'
import { texts } from './texts.ts'

/** Where clients can connect. */
export function Listeners({ of: listeners }: { readonly of: readonly Listener[] }) {
  const t = texts.value
  return (
    <Card title={t.listeners} flush>
      <SimpleTable
        label={t.listeners}
        headers={[t.protocol, t.address, t.port]}
        numbersFrom={2}
        rows={listeners.map(({ protocol, ip_address: address, port }) => [protocol, address, String(port)])}
      />
    </Card>
  )
}
