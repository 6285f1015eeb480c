import { join } from 'node:path'
import { contract } from './debian/contract.ts'
import { missing, PYTHON } from './debian/programs.ts'

contract({
  name: 'python3-pika',
  skip: missing('python3-pika', { program: PYTHON, args: ['-c', 'import pika'] }),
  command: (target, mode) => ({
    program: PYTHON,
    args: [
      join(import.meta.dirname, 'debian/pika_client.py'),
      (mode === 'tls' ? target.tls?.url : undefined) ?? target.url,
      target.prefix,
      mode,
    ],
    env: { CA_FILE: target.tls?.caFile ?? '' },
  }),
  headersWithout: ['double'],
})
