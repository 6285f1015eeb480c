import type { CtlCommand } from '../command.ts'
import { refusedAs } from '../failures.ts'
import { text } from '../output.ts'
import { onlyWarren } from './settings.ts'

const common = { section: 'Upgrade', tools: ['upgrade'] } as const

/** @param end of the sentence that says what is about to happen */
const switching = (name: 'drain' | 'revive', summary: string, end: string): CtlCommand => ({
  ...common,
  name,
  summary,
  async run({ api, sayNode }) {
    await sayNode((node) => `Will put node ${node} ${end}`)
    await refusedAs(api.post(`/node/${name}`, {}), onlyWarren)
  },
})

const WAIT_SEC = 120

/** What waits for other nodes has nothing to wait for where there are none; with others, the node has checks that say whether it is so. */
const awaiting = (name: string, summary: string, what: string, path: string): CtlCommand => ({
  ...common,
  name,
  summary,
  timeoutSec: WAIT_SEC,
  async run({ api, say, timeoutSec }) {
    say(`Will wait for ${what} for ${timeoutSec ?? WAIT_SEC} seconds...`)
    const nodes = await api.get<unknown[]>('/nodes?columns=name')
    if (nodes.length === 1) {
      const alone = 'Target node seems to be the only one in a single node cluster'
      return text(`${alone}, the command does not apply`, {
        message: `${alone}, the check does not apply`,
        result: 'ok',
      })
    }
    await refusedAs(api.get(`/health/checks/${path}`))
    return undefined
  },
})

const postUpgrade: CtlCommand = {
  ...common,
  name: 'post_upgrade',
  summary: 'Spreads the leaders of replicated queues over the nodes, which is all there is to do after an upgrade',
  async run({ api, say }) {
    say('Executing post upgrade tasks...\n\nRebalancing queue masters...')
    await refusedAs(api.post('/rebalance/queues', {}))
  },
}

/** Those of `rabbitmq-upgrade`. */
export const UPGRADE_COMMANDS: readonly CtlCommand[] = [
  awaiting(
    'await_online_quorum_plus_one',
    'Waits until all quorum queues could do without this node',
    'a quorum + 1 of nodes to be online for all quorum queues',
    'node-is-quorum-critical',
  ),
  awaiting(
    'await_online_synchronized_mirror',
    'Waits until all mirrored queues could do without this node',
    'a synchronised mirror be online for all classic mirrored queues',
    'node-is-mirror-sync-critical',
  ),
  switching(
    'drain',
    'Puts the node into maintenance mode: clients are sent away, and none can connect until revive or a restart',
    'into maintenance mode. The node will no longer serve any client traffic!',
  ),
  postUpgrade,
  switching(
    'revive',
    'Ends maintenance mode: clients can connect again',
    'back into regular operating mode. The node will again serve client traffic and host primary queue replicas.',
  ),
]
