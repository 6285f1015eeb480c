import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { contract } from './debian/contract.ts'
import { missing } from './debian/programs.ts'

const JARS = ['amqp-client', 'slf4j-api', 'slf4j-nop'].map((name) => `/usr/share/java/${name}.jar`)
const absent = JARS.filter((jar) => !existsSync(jar))
const folder = mkdtempSync(join(tmpdir(), 'warren-java-'))
after(() => rmSync(folder, { recursive: true }))

contract({
  name: 'librabbitmq-client-java',
  skip:
    absent.length > 0
      ? `librabbitmq-client-java is not installed (no ${absent.join(', ')})`
      : missing('a Java compiler', { program: 'javac', args: ['-version'] }),
  prepare() {
    const source = join(import.meta.dirname, 'debian/JavaClient.java')
    execFileSync('javac', ['-encoding', 'UTF-8', '-cp', JARS.join(':'), '-d', folder, source], { stdio: 'pipe' })
  },
  program: 'java',
  args: ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', [folder, ...JARS].join(':'), 'JavaClient'],
  differently: {
    // An exception that carries the text, and no code.
    'fatal errors': {
      'wrong password':
        'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
    },
    headers: {
      ...{ float: 0.5, byte: -100, short: -30_000 },
      types: {
        ...{
          string: 'LongString',
          int: 'Integer',
          negative: 'Integer',
          long: 'Long',
          bool: 'Boolean',
          double: 'Double',
        },
        ...{ table: 'Map', array: 'List', time: 'Date', void: 'null', bytes: 'byte[]', decimal: 'BigDecimal' },
        ...{ float: 'Float', byte: 'Byte', short: 'Short' },
      },
    },
  },
})
