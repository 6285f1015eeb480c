import { closeSync, openSync, writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { DirectoryError } from './directory.ts'
import { Exporter, type QueueName } from './export.ts'
import { Inspection, type Report } from './inspect.ts'
import { renderReport } from './render.ts'
import { repairMetadata } from './repair.ts'

const DOCTOR_HELP = `Usage: warren doctor DIR [options]

Checks the data directory of a broker that is not running, and changes nothing in it without --repair. Every record of the message store is
read. Exit code 0: all is well; 1: there is damage; 69: the directory cannot be looked at.

Options:
  --json           the report as JSON
  --export FILE    write every readable message to FILE, one line of JSON each; - is standard output, in place of the report
  --vhost NAME     export only from this virtual host
  --queue NAME     export only from queues of this name
  --repair         write metadata that is damaged, with which a broker does not start, anew: what can be read of it. What was there is kept
                   in metadata/quarantine. Damage of messages is none that keeps a broker from starting: it is told, and left as it is.
                   Exit code 0: the metadata is sound
  --leave-out KEY  with --repair: without this row of the metadata, which a start has named as one that cannot be used; more than once if need be
`

const EXIT = { ok: 0, damaged: 1, usage: 64, unavailable: 69 } as const

const OPTIONS = {
  json: { type: 'boolean', default: false },
  export: { type: 'string' },
  vhost: { type: 'string' },
  queue: { type: 'string' },
  repair: { type: 'boolean', default: false },
  'leave-out': { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** @returns the exit code */
export async function doctor(argv: readonly string[], fail: (code: number, text: string) => number): Promise<number> {
  let parsed
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    return fail(EXIT.usage, (error as Error).message)
  }
  const { values, positionals } = parsed
  if (values.help) {
    process.stdout.write(DOCTOR_HELP)
    return EXIT.ok
  }
  const [directory] = positionals
  if (directory === undefined || positionals.length > 1) return fail(EXIT.usage, 'doctor takes one data directory')
  try {
    const leftOut = values['leave-out'] ?? []
    if (!values.repair && leftOut.length > 0) return fail(EXIT.usage, '--leave-out goes with --repair')
    if (!values.repair) return await inspect(directory, values)
    for (const line of await repairMetadata(directory, leftOut)) process.stdout.write(`${line}\n`)
    return EXIT.ok
  } catch (error) {
    if (error instanceof DirectoryError) return fail(EXIT.unavailable, error.message)
    return fail(EXIT.unavailable, `${directory} cannot be read: ${(error as Error).message}`)
  }
}

interface Wishes {
  readonly json: boolean
  readonly export?: string | undefined
  readonly vhost?: string | undefined
  readonly queue?: string | undefined
}

async function inspect(directory: string, { json, export: target, vhost, queue }: Wishes): Promise<number> {
  const inspection = await Inspection.open(directory)
  try {
    const report = await inspection.report()
    const isWanted = (name: QueueName): boolean =>
      (vhost === undefined || name.vhost === vhost) && (queue === undefined || name.queue === queue)
    if (target !== undefined) await exportMessages(inspection, target, isWanted)
    if (target !== '-') process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : renderReport(report))
    return exitCode(report)
  } finally {
    await inspection.close()
  }
}

const exitCode = ({ problems }: Report): number => (problems.length === 0 ? EXIT.ok : EXIT.damaged)

async function exportMessages(
  inspection: Inspection,
  target: string,
  isWanted: (name: QueueName) => boolean,
): Promise<void> {
  const exporter = new Exporter()
  // messages may be anybody's business: the file is its owner's alone
  const fd = target === '-' ? process.stdout.fd : openSync(target, 'wx', 0o600)
  try {
    await inspection.eachMessage(isWanted, (name, message) => writeWhole(fd, Buffer.from(exporter.line(name, message))))
  } finally {
    if (target !== '-') closeSync(fd)
  }
}

function writeWhole(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at)
}
