import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { CliError, UsageError } from '../../errors.ts'
import { EXIT } from '../../exit-codes.ts'
import { route } from '../../api/route.ts'
import type { CommandOption } from '../../command-spec.ts'
import type { Context, CtlCommand } from '../command.ts'
import { failure, noSuchVhost, refusedAs, whenMissing } from '../failures.ts'
import { text } from '../output.ts'
import type { Job } from '../../api/jobs.ts'

const common = { section: 'Definitions', tools: ['ctl'] } as const

const FORMAT: CommandOption = {
  flags: '--format <format>',
  help: 'json, and nothing else: Erlang terms are not written or read here',
  completion: ['json'],
}

const pathOf = (vhost: string | undefined): string =>
  vhost === undefined ? '/definitions' : route`/definitions/${vhost}`

function requireJson({ option }: Context): void {
  const format = option('format')?.toLowerCase() ?? 'json'
  if (format === 'json') return
  throw new UsageError(`Bad argument: format '${format}' is not supported: use json`, EXIT.data)
}

const exportDefinitions: CtlCommand = {
  ...common,
  name: 'export_definitions',
  isStream: true,
  summary: 'Writes virtual hosts, users, permissions, policies, queues, exchanges and bindings to a file',
  arguments: [{ name: 'file', help: 'where to; - is standard output', completion: 'file' }],
  options: [FORMAT],
  examples: ['export_definitions definitions.json', 'export_definitions - -p orders | jq .queues'],
  async run(context) {
    const { api, args, option, say } = context
    requireJson(context)
    const file = args[0]!
    if (file !== '-' && !existsSync(dirname(file))) {
      throw new UsageError(`Bad argument: Directory ${dirname(file)} does not exist`, EXIT.data)
    }
    const vhost = option('vhost')
    if (file !== '-') say(`Exporting definitions in JSON to a file at "${file}" ...`)
    const answer = refusedAs(api.get<unknown>(pathOf(vhost)), whenMissing(noSuchVhost(vhost ?? '/')))
    const json = JSON.stringify(await answer)
    if (file === '-') return context.terminal.write(json)
    try {
      // There are hashes of passwords in it.
      writeFileSync(file, json, { mode: 0o600 })
    } catch (error) {
      throw new CliError(EXIT.data, `Error:\n${file} cannot be written: ${(error as Error).message}`, { cause: error })
    }
  },
}

async function readDefinitions({ terminal }: Context, file: string): Promise<unknown> {
  if (file !== '-' && !(statSync(file, { throwIfNoEntry: false })?.isFile() ?? false)) {
    throw new UsageError(`Bad argument: File ${file} does not exist`, EXIT.data)
  }
  const json = file === '-' ? await terminal.readInput() : readFileSync(file)
  try {
    return JSON.parse(json.toString().replace(/^\ufeff/, '')) as unknown
  } catch (error) {
    throw failure(`JSON decoding error. Reason: ${(error as Error).message}`, EXIT.data)
  }
}

const importDefinitions: CtlCommand = {
  ...common,
  name: 'import_definitions',
  summary: 'Creates what a definitions file has, and waits until it is done',
  arguments: [{ name: 'file', help: 'the file; - or nothing is standard input', optional: true, completion: 'file' }],
  options: [
    FORMAT,
    { flags: '--skip-if-unchanged', help: 'taken for the sake of scripts: what is there already is left as it is' },
  ],
  async run(context) {
    const { api, args, option, say } = context
    requireJson(context)
    const file = args[0] ?? '-'
    const definitions = await readDefinitions(context, file)
    say(`Importing definitions in JSON from ${file === '-' ? 'standard input' : `a file at "${file}"`} ...`)
    const vhost = option('vhost')
    const answer = await refusedAs(
      api.post<Job | undefined>(`${pathOf(vhost)}?job=true`, definitions),
      whenMissing(noSuchVhost(vhost ?? '/')),
    )
    if (answer?.id !== undefined) await jobEnd(context, answer)
    return text('Successfully imported definitions.')
  },
}

/** RabbitMQ knows no jobs and has imported when it answers. */
async function jobEnd({ api, terminal }: Context, job: Job): Promise<void> {
  let current = job
  while (current.state === 'running') {
    terminal.progress(`${current.done}${current.total === null ? '' : ` of ${current.total}`} imported`)
    await delay(100)
    current = await api.get<Job>(route`/jobs/${current.id}`)
  }
  terminal.endProgress()
  if (current.state !== 'done') throw failure(current.error ?? `the import was ${current.state}`, EXIT.data)
}

export const DEFINITION_COMMANDS = [exportDefinitions, importDefinitions]
