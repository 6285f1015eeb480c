import { join } from 'node:path'
import { contract } from './debian/contract.ts'
import { missing } from './debian/programs.ts'

const refusal = (code: number, text: string): [number, string] => [
  code,
  `Server connection error: ${code}, message: ${text} - Potential login failure.`,
]

contract({
  name: 'php-amqp',
  skip: missing('php-amqp', { program: 'php', args: ['-r', 'exit(extension_loaded("amqp") ? 0 : 1);'] }),
  program: 'php',
  args: [join(import.meta.dirname, 'debian/amqp_client.php')],
  without: {
    server: 'the extension does not show what the broker says about itself',
    declare: 'the extension does not show how many consumers a queue has',
    cancelled: 'the extension waits for ever when its consumer is cancelled',
  },
  headersWithout: ['bytes'],
  differently: {
    // It sends only the strings of an array.
    headers: { array: ['two'] },
    errors: {
      // All its integers have 64 bits.
      'other argument': [
        406,
        "PRECONDITION_FAILED - inequivalent arg 'x-max-length' for queue 'shared' in vhost '/': received the value '5' of " +
          "type 'long' but current is none",
      ],
    },
    'fatal errors': {
      'wrong password': refusal(
        403,
        'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.',
      ),
      'no such vhost': refusal(530, 'NOT_ALLOWED - vhost nowhere not found'),
      // It gives each consumer another tag.
      'tag used twice': undefined,
    },
    // It reports anything but the reason.
    'closed by server': { closed: 'noticed' },
  },
})
