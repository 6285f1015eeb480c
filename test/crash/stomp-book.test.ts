import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { ReceivedFrame } from '../support/stomp-wire.ts'
import { bodyOf, StompBook } from './stomp/book.ts'

// The books of the harness for STOMP themselves: right histories are taken, and of each kind of wrong one the mistake is told.

const message = (id: string, headers: Record<string, string> = {}): ReceivedFrame => ({
  command: 'MESSAGE',
  headers: { persistent: 'true', ...headers },
  body: bodyOf(id, 3),
})

/** Of a first life: a transaction of two messages. @returns what to call when its receipt comes */
function sendTwo(book: StompBook): () => void {
  book.life = 1
  const confirms = ['a', 'b'].map((id) => book.sends(id, 'queue', 't'))
  return () => confirms.forEach((confirm) => confirm())
}

describe('the books of the harness for STOMP', () => {
  test('take a transaction of which nothing has come, and none whose receipt has', () => {
    const book = new StompBook()
    const confirm = sendTwo(book)
    book.life = 2
    book.check()
    assert.deepEqual(book.mistakes, [])
    confirm()
    book.check()
    assert.deepEqual(
      book.mistakes,
      ['a', 'b'].map((id) => `life 2: ${id} was confirmed, and has not come to queue`),
    )
  })

  test('take one of which a message came before a kill, and nothing after it', () => {
    const book = new StompBook()
    sendTwo(book)
    book.receives('queue', message('a'))
    book.life = 2
    book.check()
    assert.deepEqual(book.mistakes, [])
  })

  test('take none of which a message has outlived the broker without the others', () => {
    for (const early of [[], ['a'], ['b']]) {
      const book = new StompBook()
      sendTwo(book)
      for (const id of early) book.receives('queue', message(id))
      book.life = 2
      book.receives('queue', message('a', { redelivered: 'true' }))
      book.check()
      const isWhole = early.includes('b')
      const mistake = 'life 2: b has not come to queue, and other messages of transaction t have outlived the broker'
      assert.deepEqual(book.mistakes, isWhole ? [] : [mistake])
    }
  })

  test('take nothing that comes again as if it were new, or after it was settled', () => {
    const book = new StompBook()
    sendTwo(book)
    const settled = book.receives('queue', message('a'))
    book.receives('queue', message('a'))
    settled()
    book.receives('queue', message('a', { redelivered: 'true' }))
    assert.deepEqual(book.mistakes, [
      'life 1: a comes again as if it were new',
      'life 1: queue got a again, though that it has it was committed',
    ])
  })
})
