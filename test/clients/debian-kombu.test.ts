import { join } from 'node:path'
import { contract } from './debian/contract.ts'
import { missing, PYTHON } from './debian/programs.ts'

const refused = (mechanism: string): [number, string] => [
  403,
  `ACCESS_REFUSED - Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
]

contract({
  name: 'python3-kombu',
  skip: missing('python3-kombu', { program: PYTHON, args: ['-c', 'import kombu, amqp'] }),
  program: PYTHON,
  args: [join(import.meta.dirname, 'debian/kombu_client.py')],
  headersWithout: ['bytes'],
  differently: {
    // It does not pass this code on.
    mandatory: { code: 0 },
    'fatal errors': { 'wrong password': refused('PLAIN'), 'wrong password by AMQPLAIN': refused('AMQPLAIN') },
  },
})
