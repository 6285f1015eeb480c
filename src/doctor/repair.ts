import { isKey, keyOf, partsOf, type StoredQueue } from '../core/catalog.ts'
import type { VHostMetadata } from '../core/vhost.ts'
import { nodeFiles, type StoreFiles } from '../store/files.ts'
import { DATABASE_FILE, DIRECTORY_FORMAT, DirectoryLock, hasTable } from '../store/metadata-log/directory-lock.ts'
import { FOLDER } from '../store/metadata-log/format.ts'
import { METADATA_QUARANTINE, rewrite } from '../store/metadata-log/rewrite.ts'
import { salvage } from '../store/metadata-log/salvage.ts'
import { DirectoryError, type MetadataProblem } from './directory.ts'
import { Inspection, type Problem } from './inspect.ts'
import { problemLine } from './render.ts'

/** Kinds of rows that a start looks for a virtual host for. */
const WITHIN_VHOSTS: ReadonlySet<string> = new Set(['exchange', 'queue', 'binding', 'side-log'])
const LOST_VHOST: VHostMetadata = { description: '', tags: [], defaultQueueType: null, protectedFromDeletion: false }

/**
 * Writes the metadata of a directory anew, if it is damaged, or without some of its rows.
 * @param leftOut keys of these
 * @returns lines that say what was done
 * @throws DirectoryError, MetadataStoreError
 */
export async function repairMetadata(directory: string, leftOut: readonly string[]): Promise<string[]> {
  const { idsWithMessages, problems, messageProblems } = await look(directory)
  const ofMessages = linesOfMessages(messageProblems)
  if (problems.length === 0 && leftOut.length === 0) {
    return ['The metadata is not damaged: nothing was changed.', ...ofMessages]
  }
  const files = nodeFiles(directory)
  if ((await files.list(FOLDER)).length === 0) throw inDatabase(directory)
  if (problems.some(({ file }) => file === DATABASE_FILE)) await setDatabaseAside(files)
  const lock = new DirectoryLock(directory)
  try {
    if (hasTable(lock.format)) throw inDatabase(directory)
    const { rows, highest } = await salvage(files)
    for (const key of leftOut) {
      if (!rows.delete(key)) throw new DirectoryError(`the metadata of ${directory} has no row ${key}`)
    }
    const changes = [...leftOut.map((key) => `Left out: ${key}.`), ...makeSound(rows, idsWithMessages)]
    await rewrite(files, rows, highest)
    if (lock.format < DIRECTORY_FORMAT) lock.upgrade()
    return [
      ...problems.map((problem) => problemLine({ ...problem, queues: [] })),
      ...changes,
      `The metadata has been written anew, with ${rows.size} rows. What was there is in ${METADATA_QUARANTINE}.`,
      ...ofMessages,
    ]
  } finally {
    lock.release()
  }
}

/** A record has nothing that its bytes could be made again from, and a broker goes on without it. */
function linesOfMessages(problems: readonly Problem[]): string[] {
  if (problems.length === 0) return []
  return [
    ...problems.map(problemLine),
    'Damaged messages cannot be repaired, and are left as they are: a broker starts with them, and what cannot be read leaves its queue, with an error in the log.',
  ]
}

const inDatabase = (directory: string): DirectoryError =>
  new DirectoryError(
    `the metadata of ${directory} is in ${DATABASE_FILE}, as older versions of WarrenMQ had it: SQLite's own tools may recover it`,
  )

/** There is nothing in it but the number of the format, and its lock, which nobody has. */
async function setDatabaseAside(files: StoreFiles): Promise<void> {
  await files.makeFolder(METADATA_QUARANTINE)
  for (const name of await files.list('')) {
    if (name.startsWith(DATABASE_FILE)) await files.rename(name, `${METADATA_QUARANTINE}/${name}`)
  }
  await files.syncFolder(METADATA_QUARANTINE)
  await files.syncFolder('')
}

interface Found {
  readonly idsWithMessages: readonly number[]
  /** Of the metadata. */
  readonly problems: readonly MetadataProblem[]
  readonly messageProblems: readonly Problem[]
}

async function look(directory: string): Promise<Found> {
  const inspection = await Inspection.open(directory)
  try {
    return {
      idsWithMessages: inspection.idsWithMessages(),
      problems: inspection.metadataProblems,
      messageProblems: await inspection.findMessageProblems(),
    }
  } finally {
    await inspection.close()
  }
}

/**
 * Rows may be missing that others refer to, with which a broker would not start, or would forget messages.
 * @param idsWithMessages of queues, in rows or not @returns lines that say what was changed
 */
export function makeSound(rows: Map<string, string>, idsWithMessages: readonly number[]): string[] {
  const changes: string[] = []
  const put = (parts: readonly string[], value: unknown, why: string): void => {
    rows.set(keyOf(...parts), JSON.stringify(value))
    changes.push(why)
  }
  for (const key of rows.keys()) {
    if (isKey(key)) continue
    rows.delete(key)
    changes.push(`Left out: ${key}, which is no key.`)
  }
  const has = (...parts: string[]): boolean => rows.has(keyOf(...parts))
  const known = idsIn(rows)
  for (const id of idsWithMessages.filter((one) => !known.has(one))) {
    const queue: StoredQueue = { id, type: 'classic', autoDelete: false, misfiled: true, arguments: {} }
    const name = `recovered.${id}`
    put(
      ['queue', '/', name],
      queue,
      `Queue ${name} in / is new: it has the messages of a queue of which nothing else is left, and which may have been deleted.`,
    )
  }
  for (const key of [...rows.keys()]) {
    const [kind, vhost = '', ...rest] = partsOf(key)
    if (!WITHIN_VHOSTS.has(kind!)) continue
    if (!has('vhost', vhost)) put(['vhost', vhost], LOST_VHOST, `Virtual host ${vhost} is new: its own row is lost.`)
    if (kind !== 'binding') continue
    const [source = '', to = '', destination = ''] = rest
    const isThere = (what: string, name: string): boolean =>
      has(what, vhost, name) || (what === 'exchange' && (name === '' || name.startsWith('amq.')))
    if (isThere('exchange', source) && isThere(to, destination)) continue
    rows.delete(key)
    changes.push(
      `Left out: the binding of ${to} ${destination} to exchange ${source} in ${vhost}, of which one is lost.`,
    )
  }
  return changes
}

/** Of queues, and of what else keeps messages. */
function idsIn(rows: ReadonlyMap<string, string>): Set<unknown> {
  const kept = [...rows].filter(([key]) => key.startsWith('queue/') || key.startsWith('side-log/'))
  return new Set(kept.map(([, json]) => (JSON.parse(json) as { readonly id?: unknown }).id))
}
