import { posix } from 'node:path'
import type { StoreFile, StoreFiles } from '../../src/store/files.ts'
import { type Choose, chooseBySeed, SECTOR_BYTES, SimulatedInode } from './simulated-inode.ts'

export type OperationKind =
  | 'open'
  | 'list'
  | 'makeFolder'
  | 'rename'
  | 'remove'
  | 'syncFolder'
  | 'write'
  | 'read'
  | 'sync'
  | 'truncate'
  | 'size'
  | 'close'

/** One call of the store. */
export interface Operation {
  /** From 0, in the order in which they were asked for. */
  readonly index: number
  readonly kind: OperationKind
  readonly name: string
  /** Of writes and reads; of a truncation `position` is the new length. */
  readonly position: number
  readonly bytes: number
  /** `asked`, then `done` or the code of the error; `lost` when the process died first. */
  readonly outcome: string
}

export interface Fault {
  /** Any kind, unless given. */
  readonly kind?: OperationKind | readonly OperationKind[]
  /** Any file, unless given. */
  readonly name?: RegExp
  /** Which of the operations that match, counted from now: 1 is the next, and holds unless given. */
  readonly at?: number
  /** EIO unless given. */
  readonly code?: string
  /** Bytes that a write leaves before it fails. */
  readonly partial?: number
  /** What happens to operations after it: all go well (holds unless given), those that match fail too, or all that change anything. */
  readonly afterwards?: 'recover' | 'same' | 'all'
}

export interface DiskOptions {
  /**
   * When operations happen: in the next turn, or microtask, in the order in which they were asked for; in later turns, so many at
   * a time and in such an order as `choose` says; or when `step` is called. `turn` unless given.
   */
  readonly pace?: 'turn' | 'microtask' | 'chosen' | 'manual'
  readonly choose?: Choose
  /** Bytes of all files together from which on writes fail with ENOSPC. */
  readonly capacity?: number
}

/** Decides all that is left to chance: by a seed, the same every time, or as the test likes. */
export type Chance = { readonly seed: number } | { readonly choose: Choose }

/** What an operation does, apart from when it goes well. */
interface Plan {
  readonly position?: number
  readonly bytes?: number
  /** What it leaves when it fails after so many bytes. */
  readonly fail?: (partial: number) => void
  /** It changes what is on the disk; holds unless given for kinds that do. */
  readonly changes?: boolean
  /** Of a write: does this part of it. */
  readonly part?: (from: number, to: number) => void
}

class Waiting implements Operation {
  readonly index: number
  readonly kind: OperationKind
  readonly name: string
  readonly position: number
  readonly bytes: number
  outcome = 'asked'
  readonly perform: () => unknown
  readonly plan: Plan
  readonly changes: boolean
  readonly result = Promise.withResolvers<unknown>()

  constructor(index: number, kind: OperationKind, name: string, perform: () => unknown, plan: Plan) {
    this.index = index
    this.kind = kind
    this.name = name
    this.position = plan.position ?? 0
    this.bytes = plan.bytes ?? 0
    this.perform = perform
    this.plan = plan
    this.changes = plan.changes ?? CHANGING.has(kind)
  }
}

type Names = Map<string, SimulatedInode>

interface NameChange {
  readonly kind: 'create' | 'rename' | 'remove'
  readonly name: string
  /** Of a rename. */
  readonly from: string | null
  readonly inode: SimulatedInode
  readonly sequence: number
}

const CHANGING: ReadonlySet<OperationKind> = new Set([
  'makeFolder',
  'rename',
  'remove',
  'syncFolder',
  'write',
  'sync',
  'truncate',
])

const TEXTS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EEXIST: 'file already exists',
  EBADF: 'bad file descriptor',
  ENOSPC: 'no space left on device',
  EIO: 'i/o error',
}

const errorOf = (code: string, kind: OperationKind, name: string): Error =>
  Object.assign(new Error(`${code}: ${TEXTS[code] ?? 'error'}, ${kind} '${name}'`), { code, syscall: kind })

const folderOf = (name: string): string => posix.dirname(name)
const tidy = (name: string): string => (name === '' ? '.' : posix.join(name, '.'))

/**
 * A disk in memory on which everything can go wrong. What the system shows and what is durable are kept apart:
 *
 * - the bytes of a synchronous write are durable when it resolves, those of other writes after a `sync` that was asked for later;
 * - created, renamed and removed names, and folders, are durable after a `syncFolder` that was asked for later;
 * - a sync that fails makes nothing durable, and a later one that goes well does not make up for it.
 *
 * `powerCut` leaves what is durable and any subset of the rest: by sector, by byte of a write that was not over yet, by name. `kill`
 * leaves what the system shows, and any part of what was not over. Both give a new disk; on the old one nothing happens any more.
 */
export class SimulatedDisk implements StoreFiles {
  /** Everything that was asked for. */
  readonly log: Operation[] = []
  capacity: number
  /** Files that are open. */
  openFiles = 0
  readonly #pace: NonNullable<DiskOptions['pace']>
  readonly #choose: Choose
  #waiting: Waiting[] = []
  #armed = false
  #dead = false
  #faults: { readonly fault: Fault; left: number }[] = []
  #sequence = 0
  #names: Names = new Map()
  #durableNames: Names = new Map()
  #nameChanges: NameChange[] = []
  /** Parents first; and when they were made. */
  #folders = new Map([['.', 0]])
  #durableFolders = new Set(['.'])

  constructor({ pace = 'turn', choose, capacity = Infinity }: DiskOptions = {}) {
    this.#pace = pace
    if (pace === 'chosen' && choose === undefined) throw new TypeError('who chooses?')
    this.#choose = choose ?? (() => 0)
    this.capacity = capacity
  }

  // What the store calls

  open(name: string, mode: 'create' | 'write' | 'read', synchronous: boolean): Promise<StoreFile> {
    const perform = (): StoreFile => {
      let inode = this.#names.get(name)
      if (mode === 'create' && inode !== undefined) throw errorOf('EEXIST', 'open', name)
      if (mode === 'create' ? !this.#folders.has(folderOf(name)) : inode === undefined)
        throw errorOf('ENOENT', 'open', name)
      if (inode === undefined) {
        inode = new SimulatedInode()
        this.#change('create', name, inode)
      }
      return this.#fileOf(name, inode, mode !== 'read', synchronous)
    }
    return this.#ask('open', name, perform, { changes: mode === 'create' })
  }

  /** In an order that is not the alphabet's, as on a real disk. */
  list(folder: string): Promise<string[]> {
    return this.#ask('list', folder, () =>
      this.names()
        .filter((name) => folderOf(name) === tidy(folder))
        .map((name) => posix.basename(name))
        .toReversed(),
    )
  }

  makeFolder(name: string): Promise<void> {
    return this.#ask('makeFolder', name, () => {
      const parts = tidy(name).split('/')
      for (let i = 1; i <= parts.length; i++) {
        const folder = parts.slice(0, i).join('/')
        if (!this.#folders.has(folder)) this.#folders.set(folder, ++this.#sequence)
      }
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#ask('rename', from, () => {
      const inode = this.#names.get(from)
      if (inode === undefined || !this.#folders.has(folderOf(to))) throw errorOf('ENOENT', 'rename', from)
      this.#change('rename', to, inode, from)
    })
  }

  remove(name: string): Promise<void> {
    return this.#ask('remove', name, () => {
      const inode = this.#names.get(name)
      if (inode !== undefined) this.#change('remove', name, inode)
    })
  }

  syncFolder(name: string): Promise<void> {
    const sequence = this.#sequence
    return this.#ask('syncFolder', name, () => {
      const folder = tidy(name)
      if (!this.#folders.has(folder)) throw errorOf('ENOENT', 'syncFolder', name)
      for (const [made, when] of this.#folders) {
        if (when <= sequence && folderOf(made) === folder) this.#durableFolders.add(made)
      }
      this.#nameChanges = this.#nameChanges.filter((change) => {
        if (change.sequence > sequence || folderOf(change.name) !== folder) return true
        applyName(this.#durableNames, change)
        return false
      })
    })
  }

  // What the test calls

  /** Arms a fault. Several may be armed; each counts for itself. */
  fail(fault: Fault): void {
    this.#faults.push({ fault, left: fault.at ?? 1 })
  }

  /** All is well from now on. */
  heal(): void {
    this.#faults = []
  }

  /** What was asked for and has not happened yet, oldest first. */
  inFlight(): readonly Operation[] {
    return this.#waiting
  }

  /** Lets the oldest operation happen, or the one given. @returns whether there was one */
  step(operation: Operation | undefined = this.#waiting[0]): boolean {
    const at = this.#waiting.findIndex((waiting) => waiting === operation)
    const [next] = at < 0 ? [] : this.#waiting.splice(at, 1)
    if (next !== undefined) this.#perform(next)
    return next !== undefined
  }

  /** Lets everything happen, whatever the pace, until nothing more is asked for in a few turns. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 4; idle++) {
      while (this.step()) idle = 0
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  names(): string[] {
    return [...this.#names.keys()].toSorted()
  }

  /** As the system shows them. */
  bytes(name: string): Buffer {
    return this.#inode(name).bytes()
  }

  /** Puts a file there, durably, as if it had been there always. */
  put(name: string, bytes: Uint8Array): void {
    const inode = new SimulatedInode()
    inode.write(Buffer.from(bytes), 0, ++this.#sequence)
    inode.sync(this.#sequence)
    const parts = folderOf(name).split('/')
    for (let i = 1; i <= parts.length; i++) {
      const folder = parts.slice(0, i).join('/')
      if (!this.#folders.has(folder)) this.#folders.set(folder, ++this.#sequence)
      this.#durableFolders.add(folder)
    }
    this.#names.set(name, inode)
    this.#durableNames.set(name, inode)
  }

  /** Takes a file away, durably. */
  delete(name: string): void {
    this.#names.delete(name)
    this.#durableNames.delete(name)
    this.#nameChanges = this.#nameChanges.filter((change) => change.name !== name)
  }

  flip(name: string, offset: number, bit: number): void {
    this.#inode(name).flip(offset, bit)
  }

  /** Of all files together. */
  size(): number {
    return [...this.#names.values()].reduce((sum, inode) => sum + inode.length, 0)
  }

  /** A disk like this one, with what is durable and what is not, and nothing in flight. This one goes on. */
  copy(options: DiskOptions = {}): SimulatedDisk {
    const copy = new SimulatedDisk(options)
    const twins = new Map<SimulatedInode, SimulatedInode>()
    const twin = (inode: SimulatedInode): SimulatedInode => {
      if (!twins.has(inode)) twins.set(inode, inode.copy())
      return twins.get(inode)!
    }
    for (const [name, inode] of this.#names) copy.#names.set(name, twin(inode))
    for (const [name, inode] of this.#durableNames) copy.#durableNames.set(name, twin(inode))
    copy.#nameChanges = this.#nameChanges.map((change) => ({ ...change, inode: twin(change.inode) }))
    copy.#folders = new Map(this.#folders)
    copy.#durableFolders = new Set(this.#durableFolders)
    copy.#sequence = this.#sequence
    return copy
  }

  /** The process dies, the system lives. @returns the disk that the next process finds; a power cut may still follow */
  kill(chance: Chance, options: DiskOptions = {}): SimulatedDisk {
    this.#die(chooseBy(chance), ({ bytes, plan }, choose) => plan.part!(0, choose(bytes + 1)))
    return this.copy(options)
  }

  /** @returns the disk that is there when the power is back: everything on it is durable */
  powerCut(chance: Chance, options: DiskOptions = {}): SimulatedDisk {
    const choose = chooseBy(chance)
    this.#die(choose, tear)
    const left = new SimulatedDisk(options)
    const names = new Map(this.#durableNames)
    for (const change of this.#nameChanges) if (choose(2) === 1) applyName(names, change)
    for (const folder of this.#folders.keys()) {
      const there = this.#durableFolders.has(folder) || choose(2) === 1
      if (there && left.#folders.has(folderOf(folder))) left.#folders.set(folder, 0)
    }
    for (const [name, inode] of [...names].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const there = inode.afterPowerCut(choose)
      if (left.#folders.has(folderOf(name))) left.#names.set(name, there)
    }
    left.#durableNames = new Map(left.#names)
    left.#durableFolders = new Set(left.#folders.keys())
    return left
  }

  // How it works

  /** `part` does some of a write that was not over. */
  #die(choose: Choose, part: (write: Waiting, choose: Choose) => void): void {
    this.#dead = true
    for (const operation of this.#waiting.splice(0)) {
      operation.outcome = 'lost'
      if (operation.kind === 'write') part(operation, choose)
      else if (operation.changes && choose(2) === 1) attempt(operation.perform)
    }
  }

  #ask<T>(kind: OperationKind, name: string, perform: () => T, plan: Plan = {}): Promise<T> {
    const operation = new Waiting(this.log.length, kind, name, perform, plan)
    this.log.push(operation)
    if (this.#dead) operation.outcome = 'lost'
    else {
      this.#waiting.push(operation)
      this.#arm()
    }
    return operation.result.promise as Promise<T>
  }

  #arm(): void {
    if (this.#armed || this.#pace === 'manual' || this.#waiting.length === 0) return
    this.#armed = true
    if (this.#pace === 'microtask') queueMicrotask(this.#run)
    else setImmediate(this.#run)
  }

  readonly #run = (): void => {
    this.#armed = false
    const many = this.#waiting.length
    if (this.#pace === 'chosen') {
      for (let left = this.#choose(many + 1); left > 0; left--) {
        this.step(this.#waiting[this.#choose(this.#waiting.length)])
      }
    } else for (let left = many; left > 0; left--) this.step()
    this.#arm()
  }

  #perform(operation: Waiting): void {
    const { kind, name, result, plan } = operation
    const fault = this.#faultOf(operation)
    try {
      if (fault !== null) {
        plan.fail?.(Math.min(fault.partial ?? 0, operation.bytes))
        throw errorOf(fault.code ?? 'EIO', kind, name)
      }
      const value = operation.perform()
      operation.outcome = 'done'
      result.resolve(value)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === undefined) throw error // a mistake of the caller's, for which no store is prepared
      operation.outcome = code
      result.reject(error)
    }
  }

  #faultOf(operation: Waiting): Fault | null {
    let found: Fault | null = null
    for (const armed of this.#faults) {
      const { fault } = armed
      const concerned = matches(fault, operation)
      if (armed.left === 0) {
        if (fault.afterwards === 'all' ? concerned || operation.changes : fault.afterwards === 'same' && concerned)
          found ??= fault
      } else if (concerned && --armed.left === 0) found ??= fault
    }
    return found
  }

  #change(kind: NameChange['kind'], name: string, inode: SimulatedInode, from: string | null = null): void {
    const change: NameChange = { kind, name, from, inode, sequence: ++this.#sequence }
    this.#nameChanges.push(change)
    applyName(this.#names, change)
  }

  #inode(name: string): SimulatedInode {
    const inode = this.#names.get(name)
    if (inode === undefined) throw errorOf('ENOENT', 'open', name)
    return inode
  }

  /** Bytes by which files may still grow. */
  #room(): number {
    return Math.max(0, this.capacity - this.size())
  }

  #fileOf(name: string, inode: SimulatedInode, writable: boolean, synchronous: boolean): StoreFile {
    this.openFiles++
    let open = true
    let busy = 0
    const ask = <T>(kind: OperationKind, perform: () => T, plan: Plan = {}): Promise<T> => {
      if (!open || (!writable && (kind === 'write' || kind === 'truncate'))) {
        return this.#ask(kind, name, () => {
          throw errorOf('EBADF', kind, name)
        })
      }
      busy++
      return this.#ask(kind, name, perform, plan).finally(() => busy--)
    }
    const write = (bytes: Buffer, position: number, durable: boolean): void => {
      inode.write(bytes, position, ++this.#sequence)
      if (durable && synchronous) inode.syncRange(position, bytes.length, this.#sequence)
    }
    return {
      write: (buffers, position) => {
        const bytes = Buffer.concat(buffers)
        const part = (from: number, to: number): void => write(bytes.subarray(from, to), position + from, false)
        const perform = (): void => {
          if (!Buffer.concat(buffers).equals(bytes)) throw new Error(`bytes changed while they were written to ${name}`)
          const room = this.#room() + Math.max(0, inode.length - position)
          write(bytes.subarray(0, room), position, room >= bytes.length)
          if (room < bytes.length) throw errorOf('ENOSPC', 'write', name)
        }
        return ask('write', perform, { position, bytes: bytes.length, part, fail: (partial) => part(0, partial) })
      },
      read: (buffer, offset, length, position) =>
        ask('read', () => inode.read(buffer, offset, length, position), { position, bytes: length }),
      sync: () => {
        const sequence = this.#sequence
        return ask('sync', () => inode.sync(sequence), { fail: () => inode.failSync(sequence) })
      },
      truncate: (length) => ask('truncate', () => inode.truncate(length, ++this.#sequence), { position: length }),
      size: () => ask('size', () => inode.length),
      close: () => {
        // the number of the descriptor may be another file's before the operation comes to use it
        if (busy > 0) throw new Error(`${name} is closed while ${busy} operations are in flight`)
        const closed = ask('close', () => void this.openFiles--)
        open = false
        return closed
      },
    }
  }
}

function applyName(names: Names, { kind, name, from, inode }: NameChange): void {
  if (kind === 'create') names.set(name, inode)
  else if (kind === 'remove') {
    if (names.get(name) === inode) names.delete(name)
  } else if (names.get(from!) === inode) {
    names.delete(from!)
    names.set(name, inode)
  }
}

function matches({ kind, name }: Fault, operation: Operation): boolean {
  if (name !== undefined && !name.test(operation.name)) return false
  return kind === undefined || (typeof kind === 'string' ? kind === operation.kind : kind.includes(operation.kind))
}

/** What a power cut leaves of a write: nothing, all, the first bytes, or some of the sectors, one of which may be torn. */
function tear({ position, bytes, plan }: Waiting, choose: Choose): void {
  const how = choose(4)
  if (how === 1) plan.part!(0, bytes)
  if (how === 2) plan.part!(0, choose(bytes + 1))
  if (how !== 3) return
  for (let from = 0; from < bytes;) {
    const to = Math.min(bytes, from + SECTOR_BYTES - ((position + from) % SECTOR_BYTES))
    const some = choose(8)
    if (some >= 4) plan.part!(from, some === 7 ? from + choose(to - from + 1) : to)
    from = to
  }
}

/** An operation that the dying process asked for, and that may have failed for a reason of its own. */
function attempt(perform: () => unknown): void {
  try {
    perform()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
  }
}

const chooseBy = (chance: Chance): Choose => ('seed' in chance ? chooseBySeed(chance.seed) : chance.choose)
