import { join } from 'node:path'
import { contract } from './debian/contract.ts'
import { missing } from './debian/programs.ts'

const refused = (mechanism: string): string =>
  `ACCESS_REFUSED - Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`

contract({
  name: 'php-amqplib',
  skip: missing('php-amqplib', { program: 'php', args: ['-r', 'require "PhpAmqpLib/autoload.php";'] }),
  program: 'php',
  args: [join(import.meta.dirname, 'debian/amqplib_client.php')],
  differently: {
    // With the class and the method that the broker blames, and by the mechanism that nobody else uses.
    'fatal errors': {
      'wrong password': [403, `${refused('PLAIN')}(0, 0)`],
      'wrong password by AMQPLAIN': [403, `${refused('AMQPLAIN')}(0, 0)`],
      'no such vhost': [530, 'NOT_ALLOWED - vhost nowhere not found(10, 40)'],
      'tag used twice': [530, "NOT_ALLOWED - attempt to reuse consumer tag 'twice'(60, 20)"],
      'prefetch size': [540, 'NOT_IMPLEMENTED - prefetch_size!=0 (10)(60, 10)'],
    },
    'closed by server': { closed: [320, 'CONNECTION_FORCED - closed for the test(0, 0)'] },
  },
})
