import { join } from 'node:path'
import { contract } from './debian/contract.ts'
import { missing, PYTHON } from './debian/programs.ts'

contract({
  name: 'python3-pika',
  skip: missing('python3-pika', { program: PYTHON, args: ['-c', 'import pika'] }),
  program: PYTHON,
  args: [join(import.meta.dirname, 'debian/pika_client.py')],
  headersWithout: ['double'],
})
