import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { contract } from './debian/contract.ts'
import { buildGo, GO_ENVIRONMENT, missing } from './debian/programs.ts'

const folder = mkdtempSync(join(tmpdir(), 'warren-go-'))
after(() => rmSync(folder, { recursive: true }))
const program = join(folder, 'client')

contract({
  name: 'golang-github-rabbitmq-amqp091-go-dev',
  skip: missing('golang-github-rabbitmq-amqp091-go-dev', {
    program: 'go',
    args: ['list', 'github.com/rabbitmq/amqp091-go'],
    env: GO_ENVIRONMENT,
  }),
  prepare: () => buildGo(join(import.meta.dirname, 'debian/go_client.go'), program),
  program,
  args: [],
  differently: {
    // It does not pass on what the broker says about a login or a virtual host that is refused.
    'fatal errors': {
      'wrong password': 'Exception (403) Reason: "username or password not allowed"',
      'no such vhost': 'Exception (403) Reason: "no access to this vhost"',
    },
    headers: {
      ...{ float: 0.5, byte: 200, int8: -100, short: -30_000 },
      types: {
        ...{ string: 'string', int: 'int32', negative: 'int32', long: 'int64', bool: 'bool', double: 'float64' },
        ...{ table: 'amqp091.Table', array: '[]interface {}', time: 'time.Time', void: '<nil>', bytes: '[]uint8' },
        ...{ decimal: 'amqp091.Decimal', float: 'float32', byte: 'uint8', int8: 'int8', short: 'int16' },
      },
    },
  },
})
