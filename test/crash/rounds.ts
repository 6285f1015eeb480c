import { Random } from '../../tools/fuzz/frames.ts'
import type { WarrenProcess } from '../support/warren-process.ts'
import { BrokerRunner, knownFlags, within } from './broker-process.ts'
import { type Ending, Ledger } from './ledger.ts'
import { startLoad } from './load.ts'
import { type Look, lookAt } from './look.ts'
import { RawKeeper } from './raw-keeper.ts'
import { declareTopology, KINDS, PASSING, QUIET } from './topology.ts'
import { Ended, Life, Wire } from './wire.ts'

export interface CrashOptions {
  readonly rounds: number
  readonly seed: number
  /** Flags for every round besides those that rounds choose. */
  readonly flags: readonly string[]
  readonly endings: readonly Ending[]
  /** Where the broker keeps its data; a temporary folder unless given. */
  readonly dataDir?: string
  /** Keeps the temporary folder when something is wrong. */
  readonly keep: boolean
  readonly print: (line: string) => void
}

export const ENDINGS: readonly Ending[] = [
  'killed',
  'killed',
  'killed',
  'killed',
  'killed',
  'stopped',
  'quiet',
  'closed',
]

const OPEN_WITHIN_MS = 120_000
const SHORTEST_LIFE_MS = 100
const LONGEST_LIFE_MS = 2500
/** Rounds after which everything is acknowledged, so that what has piled up stays bounded. */
const ROUNDS_TO_DRAIN = 4
const IN_LOG = "in the broker's log:"
const MISTAKES_SHOWN = 25
const MISTAKE_CHARS = 700

/** Runs rounds until one finds a mistake. @returns the mistakes of that round */
export async function runCrashRounds(options: CrashOptions): Promise<readonly string[]> {
  const { seed, print } = options
  print(`seed ${seed}`)
  const runner = await BrokerRunner.create(options.dataDir)
  const crash = new CrashRun(options, runner, await knownFlags())
  let failed = true
  try {
    for (let round = 1; round <= options.rounds; round++) {
      await crash.round(round)
      if (crash.mistakes.length > 0) break
    }
    // what the log complains of may be all that there is to see, or not
    if (crash.mistakes.every((mistake) => mistake.includes(IN_LOG))) await crash.last()
    failed = crash.mistakes.length > 0
  } finally {
    if (failed && options.keep) print(`data kept in ${runner.dataDir}`)
    runner.destroy(failed && options.keep)
  }
  for (const mistake of crash.mistakes.slice(0, MISTAKES_SHOWN)) print(`  ${mistake.slice(0, MISTAKE_CHARS)}`)
  if (crash.mistakes.length > MISTAKES_SHOWN) print(`  and ${crash.mistakes.length - MISTAKES_SHOWN} more`)
  return crash.mistakes
}

class CrashRun {
  readonly #options: CrashOptions
  readonly #runner: BrokerRunner
  readonly #known: ReadonlySet<string>
  readonly #random: Random
  readonly #ledger = new Ledger()
  readonly #raw = new RawKeeper()
  #verifiedRound = 0

  constructor(options: CrashOptions, runner: BrokerRunner, known: ReadonlySet<string>) {
    this.#options = options
    this.#runner = runner
    this.#known = known
    this.#random = new Random(options.seed)
    for (const kind of KINDS) this.#ledger.addQueue(kind)
  }

  get mistakes(): readonly string[] {
    return this.#ledger.mistakes
  }

  /** A life of the broker: what it has kept, load, and an end. */
  async round(round: number): Promise<void> {
    const random = this.#random
    const flags = this.#flags()
    const ending = random.of(this.#options.endings)
    if (this.#runner.process === null) await this.#killWhileStarting(flags)
    const started = performance.now()
    const { life, warren } = await this.#begin(flags)
    const recovered = performance.now() - started
    const looks = round % ROUNDS_TO_DRAIN === 0 ? 'drain' : ending === 'quiet' ? 'see' : 'some'
    try {
      await within(OPEN_WITHIN_MS, 'the queues to be looked at', this.#verify(life, looks))
    } catch (error) {
      this.#ledger.complain(String(error))
    }
    const found = this.#count()
    if (this.mistakes.length === 0) await this.#live(life, ending)
    await this.#end(life, warren, ending)
    const text = `${ending} after ${found} messages found, ready in ${recovered.toFixed(0)} ms ${flags.join(' ')}`
    this.#options.print(
      `round ${round}: ${text}${this.mistakes.length > 0 ? `: ${this.mistakes.length} mistakes` : ''}`,
    )
  }

  /** What the last round has left. */
  async last(): Promise<void> {
    const { life, warren } = await this.#begin(this.#options.flags)
    await this.#verify(life, 'drain')
    await this.#end(life, warren, 'quiet')
    this.#options.print(`${this.#verifiedRound} verifications`)
  }

  #flags(): string[] {
    const flags = [...this.#options.flags]
    const random = this.#random
    // what was asked for is not chosen by chance
    const mayChoose = (flag: string): boolean => this.#known.has(flag) && !flags.includes(flag)
    if (mayChoose('--message-memory') && random.once(2)) flags.push('--message-memory', '1MB')
    if (mayChoose('--journal-segment-size') && !random.once(3)) {
      flags.push('--journal-segment-size', random.of(['64KiB', '256KiB', '4MB']))
    }
    return flags
  }

  async #killWhileStarting(flags: readonly string[]): Promise<void> {
    while (this.#random.once(4)) {
      const warren = this.#runner.spawn(flags)
      const ready = warren.ready().catch(() => {})
      // most starts take some hundred milliseconds: in the middle of them, and sometimes right after
      await Promise.race([ready, new Promise((resolve) => setTimeout(resolve, this.#random.below(600)))])
      await this.#runner.stop('SIGKILL')
      // nobody was there to see it
      this.#ledger.restarted('killed')
    }
  }

  async #begin(flags: readonly string[]): Promise<{ life: Life; warren: WarrenProcess }> {
    const isNew = this.#runner.process === null
    const warren = this.#runner.process ?? (await this.#runner.start(flags))
    const life = new Life(this.#ledger, warren.port(), new Random(this.#random.below(0x7fff_ffff)))
    if (isNew) await this.#passingIsGone(life)
    const wire = await Wire.open(life, 'declare')
    await wire.declare(declareTopology)
    await wire.close()
    return { life, warren }
  }

  async #passingIsGone(life: Life): Promise<void> {
    if (await Wire.exists(life, PASSING)) this.#ledger.complain(`queue ${PASSING} is there after a restart`)
  }

  async #verify(life: Life, looks: 'some' | 'see' | 'drain'): Promise<void> {
    const { random } = life
    // what is published meanwhile, to be sure of something, goes to the last
    for (const { name } of KINDS) {
      let look: Look = looks === 'drain' ? 'drain' : random.of<Look>(['peek', 'peek', 'drain'])
      if (looks === 'some' && (random.once(4) || (name === QUIET && random.once(2)))) look = 'count'
      if (name === QUIET && look === 'peek') look = 'drain'
      await lookAt(life, name, look)
      if (name === QUIET && look === 'drain') await this.#renewQuiet(life)
    }
    await this.#raw.check(life)
    this.#verifiedRound++
  }

  /** Now that it was looked at, it is no longer what it should be: another one takes its name. */
  async #renewQuiet(life: Life): Promise<void> {
    const wire = await Wire.open(life, 'renew')
    await wire.deleteQueue(QUIET)
    this.#ledger.deleted(QUIET)
    await wire.declare(declareTopology)
    await wire.close()
  }

  #count(): number {
    let count = 0
    for (const queue of this.#ledger.queues.values()) count += queue.count('sure')
    return count
  }

  async #live(life: Life, ending: Ending): Promise<void> {
    const programs = startLoad(life, ending)
    await this.#raw.publish(life)
    const ms = SHORTEST_LIFE_MS + life.random.below(LONGEST_LIFE_MS - SHORTEST_LIFE_MS)
    const early = Promise.all(programs)
    await Promise.race([early, new Promise((resolve) => setTimeout(resolve, ms))])
    if (ending === 'quiet') {
      life.stop()
      await within(OPEN_WITHIN_MS, 'the clients to come to an end', early)
      this.#ledger.requireCertainty()
    }
    life.end()
    if (ending === 'closed') await life.leave()
    else await this.#stopBroker(ending)
    await life.over()
    await early
  }

  async #end(life: Life, warren: WarrenProcess, ending: Ending): Promise<void> {
    if (!life.ending) {
      life.end()
      if (ending !== 'closed') await this.#stopBroker(ending)
      await life.over()
    }
    for (const line of warren.stderr.split('\n')) {
      if (/ \[(error|fatal)\] /.test(line)) this.#ledger.complain(`${IN_LOG} ${line}`)
    }
    this.#ledger.restarted(ending)
  }

  async #stopBroker(ending: Ending): Promise<void> {
    const exit = await this.#runner.stop(ending === 'killed' ? 'SIGKILL' : 'SIGTERM')
    if (ending === 'killed' || exit.code === 0) return
    this.#ledger.complain(`the broker ended with code ${exit.code}, signal ${exit.signal}`)
  }
}

export const isEnd = (error: unknown): boolean => error instanceof Ended
