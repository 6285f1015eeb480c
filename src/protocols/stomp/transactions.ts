import type { ClientConnection } from '../../core/client-connection.ts'
import { BrokerError } from '../../core/errors.ts'
import type { Message } from '../../core/message.ts'
import { QuietSink } from '../../core/quiet-sink.ts'
import type { Session } from '../../core/session.ts'
import type { Acknowledgements, Settlement } from './acknowledgements.ts'
import { StompError } from './errors.ts'
import type { Frame } from './frame.ts'

// Bounds of one connection: what a transaction holds is in memory until it ends.

const TRANSACTIONS_MAX = 16
const FRAMES_MAX = 10_000
const BYTES_MAX = 64 * 1024 * 1024

/** What a client has done in one transaction so far. */
export class Transaction {
  readonly name: string
  /** In which its messages wait: they are routed with the commit, all or none of them. */
  readonly session: Session
  readonly settlements: Settlement[] = []
  /** Of its SEND frames, which go out when they are safe. */
  readonly receipts: string[] = []
  frames = 0
  bytes = 0

  constructor(name: string, session: Session) {
    this.name = name
    this.session = session
  }
}

/**
 * The transactions of one client. Each has a session of the core's own, in transactional mode; what is acknowledged in it waits here. The
 * commit records both together, so that after a crash there is all of it or nothing.
 */
export class Transactions {
  readonly #connection: ClientConnection
  readonly #acknowledgements: Acknowledgements
  readonly #open = new Map<string, Transaction>()
  /** A session that has nothing open, for the next transaction. */
  #spare: Session | null = null
  #lastNumber: number
  #frames = 0
  #bytes = 0

  /** @param number of the client's own session: others come after it */
  constructor(connection: ClientConnection, acknowledgements: Acknowledgements, number: number) {
    this.#connection = connection
    this.#acknowledgements = acknowledgements
    this.#lastNumber = number
  }

  /** The one that a frame is part of; null where it is part of none. @throws StompError */
  of(frame: Frame): Transaction | null {
    const name = frame.get('transaction')
    return name === null ? null : this.#find(name)
  }

  #find(name: string): Transaction {
    const found = this.#open.get(name)
    if (found === undefined) throw badTransaction(`Invalid transaction identifier: "${name}"\n`)
    return found
  }

  /** @throws StompError */
  begin(frame: Frame): void {
    const name = nameIn(frame)
    if (this.#open.has(name)) throw badTransaction(`Transaction "${name}" is open already\n`)
    if (this.#open.size >= TRANSACTIONS_MAX)
      throw badTransaction(`At most ${TRANSACTIONS_MAX} transactions may be open\n`)
    const session = this.#spare ?? this.#connection.openSession(new QuietSink(), ++this.#lastNumber)
    this.#spare = null
    session.selectTransactions()
    this.#open.set(name, new Transaction(name, session))
  }

  /** Takes a frame into a transaction, if there is room: otherwise the transaction is over. @throws StompError */
  #count(transaction: Transaction, bytes: number): void {
    if (this.#frames + 1 > FRAMES_MAX || this.#bytes + bytes > BYTES_MAX) {
      this.#rollBack(transaction)
      const limits = `${FRAMES_MAX} frames or ${BYTES_MAX} bytes`
      throw new StompError(
        'Transaction too large',
        `Transactions may have ${limits}: "${transaction.name}" is aborted\n`,
      )
    }
    transaction.frames++
    transaction.bytes += bytes
    this.#frames++
    this.#bytes += bytes
  }

  /** @throws BrokerError, StompError */
  acknowledge(transaction: Transaction, settlement: Settlement): void {
    this.#acknowledgements.requireOpen(settlement)
    this.#count(transaction, 0)
    transaction.settlements.push(settlement)
  }

  /** May be called again where it throws an UndecidedError. @throws BrokerError, StompError, UndecidedError */
  publish(transaction: Transaction, message: Message): void {
    const { publishing } = transaction.session
    publishing.publish(publishing.access(message.exchange), message, false)
    this.#count(transaction, message.bodyLength + message.propertiesLength)
  }

  /** Does all of it, or nothing. @returns up to where the log has to be safe, and whose receipts are due then @throws BrokerError, StompError */
  commit(frame: Frame): { position: number; receipts: readonly string[] } {
    const transaction = this.#find(nameIn(frame))
    const { session, settlements, receipts } = transaction
    const { store } = session.broker
    let position = 0
    let recorded = 0
    try {
      for (const settlement of settlements) this.#acknowledgements.requireOpen(settlement)
      store.begin()
      try {
        position = commitMessages(session)
        for (const settlement of settlements) this.#acknowledgements.settle(settlement)
      } finally {
        recorded = store.end()
      }
    } finally {
      this.#rollBack(transaction)
    }
    return { position: Math.max(position, recorded), receipts }
  }

  /** @throws StompError */
  abort(frame: Frame): void {
    this.#rollBack(this.#find(nameIn(frame)))
  }

  /** Of what has been committed, nothing is left to roll back. */
  #rollBack(transaction: Transaction): void {
    const { name, session } = transaction
    this.#open.delete(name)
    this.#frames -= transaction.frames
    this.#bytes -= transaction.bytes
    session.rollback()
    if (this.#spare === null) this.#spare = session
    else session.close()
  }
}

/** A queue that is full is no reason to end the connection. */
function commitMessages(session: Session): number {
  try {
    return session.commit()
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    throw new StompError('Transaction failed', `Nothing of it was done: ${error.message}\n`)
  }
}

function nameIn(frame: Frame): string {
  const name = frame.get('transaction')
  if (name === null)
    throw new StompError('Missing transaction', `"${frame.command}" must include a 'transaction' header\n`)
  return name
}

const badTransaction = (detail: string): StompError => new StompError('Bad transaction', detail)
