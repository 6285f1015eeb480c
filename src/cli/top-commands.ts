/** Parts of `ctl` under the names of RabbitMQ's other tools. */
export const CTL_NAMES = ['ctl', 'diagnostics', 'queues', 'plugins', 'upgrade', 'streams'] as const

/** What may follow `warren`, in the order of its help. */
export const TOP_COMMANDS = [
  { word: 'start', help: 'start a broker in the foreground' },
  { word: 'ping', help: 'ask a broker whether it answers' },
  { word: 'doctor', help: 'check the data directory of a broker that is not running' },
  { word: 'ctl', help: 'ask and steer a broker, as rabbitmqctl does' },
  { word: 'diagnostics', help: 'the commands of rabbitmq-diagnostics' },
  { word: 'queues', help: 'the commands of rabbitmq-queues' },
  { word: 'plugins', help: 'the commands of rabbitmq-plugins' },
  { word: 'upgrade', help: 'the commands of rabbitmq-upgrade' },
  { word: 'streams', help: 'the commands of rabbitmq-streams' },
  { word: 'move', help: 'move messages' },
  { word: 'copy', help: 'copy messages' },
  { word: 'export', help: 'messages to a file' },
  { word: 'import', help: 'messages from a file' },
  { word: 'tail', help: 'show messages as they pass' },
  { word: 'perf', help: 'put a load on a broker' },
  { word: 'completion', help: 'print what makes a shell complete all of this' },
  { word: 'help', help: 'show what there is' },
  { word: 'version', help: 'show the version' },
] as const
