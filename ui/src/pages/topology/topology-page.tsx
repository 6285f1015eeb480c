import { useSignal, type Signal } from '@preact/signals'
import { getTopology, type Topology } from '../../api/topology.ts'
import { Button } from '../../components/button.tsx'
import { Field, FieldGrid, TextInput } from '../../components/form.tsx'
import { Card, Empty, Page } from '../../components/page.tsx'
import { Shown } from '../../components/polled.tsx'
import { useVhostField, VhostField } from '../../components/vhost-field.tsx'
import { count } from '../../format.ts'
import { usePoll } from '../../state/poll.ts'
import { narrow, toGraph } from './graph.ts'
import { Picture } from './picture.tsx'
import { place } from './layout.ts'
import { texts } from './texts.ts'

/** More than this nobody can take in, and a browser is slow to draw. */
const NODES_MAX = 200
const ZOOMS = [0.5, 0.65, 0.8, 1, 1.25, 1.5]

export function TopologyPage() {
  const t = texts.value
  const vhost = useVhostField()
  const filter = useSignal('')
  const zoom = useSignal(ZOOMS.indexOf(0.8))
  const topology = usePoll(vhost.value, (signal) => getTopology(vhost.value, signal))
  return (
    <Page title={t.title} lead={t.lead}>
      <Card>
        <FieldGrid>
          <VhostField value={vhost} />
          <Field label={t.filter} help={t.filterHelp}>
            <TextInput value={filter} />
          </Field>
        </FieldGrid>
        <div class="row">
          <Button size="small" disabled={zoom.value === 0} onClick={() => void zoom.value--}>
            {t.smaller}
          </Button>
          <Button size="small" disabled={zoom.value === ZOOMS.length - 1} onClick={() => void zoom.value++}>
            {t.bigger}
          </Button>
        </div>
        <Shown of={topology}>
          {(data) => <Drawn vhost={vhost.value} topology={data} filter={filter} zoom={ZOOMS[zoom.value]!} />}
        </Shown>
      </Card>
    </Page>
  )
}

interface DrawnProps {
  readonly vhost: string
  readonly topology: Topology
  readonly filter: Signal<string>
  readonly zoom: number
}

function Drawn({ vhost, topology, filter, zoom }: DrawnProps) {
  const t = texts.value
  const whole = toGraph(vhost, topology)
  const graph = narrow(whole, filter.value, NODES_MAX)
  if (graph.nodes.length === 0) return <Empty title={t.empty} hint={t.emptyHint} />
  const isCut = topology.truncated === true || graph.nodes.length === NODES_MAX
  return (
    <>
      {isCut && <p role="status">{t.truncated(count(graph.nodes.length))}</p>}
      <Picture placed={place(graph)} zoom={zoom} />
      <p class="muted small">{t.legend}</p>
    </>
  )
}
