import { join } from 'node:path'
import { contract } from './debian/contract.ts'
import { missing } from './debian/programs.ts'

contract({
  name: 'ruby-bunny',
  skip: missing('ruby-bunny', { program: 'ruby', args: ['-e', 'require "bunny"'] }),
  program: 'ruby',
  args: [join(import.meta.dirname, 'debian/bunny_client.rb')],
  headersWithout: ['bytes', 'decimal'],
  differently: {
    headers: {
      float: 0.5,
      // Its decoder leaves false at the end of an array out.
      array: [1, 'two'],
    },
    errors: {
      // All its integers have 64 bits.
      'other argument': [
        406,
        "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'shared' in vhost '/': received the value '5' of " +
          "type 'long' but current is none",
      ],
    },
    'fatal errors': {
      // Exceptions without a code; and it cannot ask for a prefetch size.
      'wrong password':
        'Authentication with RabbitMQ failed. Please check your connection settings. Username: guest, vhost: /, ' +
        'password length: 5',
      'no such vhost': 'Connection-level error: NOT_ALLOWED - vhost nowhere not found',
      'prefetch size': undefined,
    },
    // It connects again without a word.
    'closed by server': { closed: undefined },
  },
})
