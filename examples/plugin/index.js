// A plugin for WarrenMQ. From the folder of the repository:
//
//   npm start -- --plugins ./examples/plugin
//
// or, in a configuration file:
//
//   warren.plugins.1 = ./examples/plugin
//   plugin.weighted.stamp = shop
import { definePlugin, longstr, preconditionFailed, withProperties } from 'warrenmq/plugin'

/** Exchanges of the type, and how often each destination got a message. */
const exchanges = new Map()

const weightOf = (key) => (/^[1-9][0-9]{0,3}$/.test(key) ? Number(key) : null)

/**
 * `x-weighted`: each message goes to one queue; one that is bound with the key `3` gets three times as many as one that is bound with
 * `1`, evenly mixed (smooth weighted round-robin, as in nginx).
 */
const weighted = {
  name: 'x-weighted',
  // the route depends on what went before
  cacheable: false,

  validateBinding({ name }, { key }) {
    if (weightOf(key) === null) throw preconditionFailed(`exchange '${name}': a binding's key is a weight, 1 to 9999`)
  },

  create({ name, vhost }) {
    const shares = new Map()
    const id = `${vhost} ${name}`
    exchanges.set(id, shares)
    return {
      bind(binding) {
        shares.set(binding, { queue: binding.destination.name, weight: weightOf(binding.key), credit: 0, messages: 0 })
      },
      unbind(binding) {
        shares.delete(binding)
      },
      route(_message, out) {
        let total = 0
        let next = null
        for (const [binding, share] of shares) {
          total += share.weight
          share.credit += share.weight
          if (next === null || share.credit > next.share.credit) next = { binding, share }
        }
        if (next === null) return
        next.share.credit -= total
        next.share.messages++
        out.add(next.binding.destination)
      },
      close() {
        exchanges.delete(id)
      },
    }
  },
}

let stamp = null

export default definePlugin({
  name: 'weighted',

  register(registry) {
    registry.exchangeType(weighted)
    // GET /api/weighted/{vhost}/{exchange}: how the messages were shared out
    registry.routes((app) => {
      app.get('/weighted/:vhost/:exchange', (request, reply) => {
        const { vhost, exchange } = request.params
        const shares = exchanges.get(`${vhost} ${exchange}`)
        if (shares === undefined) return reply.code(404).send({ error: 'Object Not Found', reason: 'Not Found' })
        return [...shares.values()].map(({ queue, weight, messages }) => ({ queue, weight, messages }))
      })
    })
    // says in each message which shop it came through, if the configuration names one
    registry.interceptor((message) => {
      if (stamp === null) return message
      return withProperties(message, (properties) => {
        properties.headers = new Map([...(properties.headers ?? []), ['x-shop', longstr(stamp)]])
      })
    })
  },

  start({ settings, log }) {
    stamp = settings.get('stamp') ?? null
    log.info('messages are shared out by weight', { stamp })
  },
})
