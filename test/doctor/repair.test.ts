import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeSound } from '../../src/doctor/repair.ts'

const QUEUE = '{"id":1,"type":"classic","autoDelete":false,"arguments":{}}'

test('rows that refer to others that are lost get these, or go', () => {
  const rows = new Map([
    ['vhost/%2F', '{}'],
    ['queue/%2F/kept', QUEUE],
    ['binding/%2F/amq.topic/queue/kept/a/', '{"order":1}'],
    ['binding/%2F/lost/queue/kept/a/', '{"order":2}'],
    ['binding/%2F/amq.topic/exchange/lost/a/', '{"order":3}'],
    ['queue/sh%C3%B6p/other', QUEUE],
    ['policy/elsewhere/p', '{}'],
    ['queue/%ZZ/broken', QUEUE],
  ])
  const changes = makeSound(rows, [1, 7])
  assert.deepEqual(changes, [
    'Left out: queue/%ZZ/broken, which is no key.',
    'Queue recovered.7 in / is new: it has the messages of a queue of which nothing else is left, and which may have been deleted.',
    'Left out: the binding of queue kept to exchange lost in /, of which one is lost.',
    'Left out: the binding of exchange lost to exchange amq.topic in /, of which one is lost.',
    'Virtual host shöp is new: its own row is lost.',
  ])
  assert.deepEqual(
    [...rows.keys()],
    [
      'vhost/%2F',
      'queue/%2F/kept',
      'binding/%2F/amq.topic/queue/kept/a/',
      'queue/sh%C3%B6p/other',
      'policy/elsewhere/p',
      'queue/%2F/recovered.7',
      'vhost/sh%C3%B6p',
    ],
  )
  assert.equal((JSON.parse(rows.get('queue/%2F/recovered.7')!) as { id: number }).id, 7)
})

test('without the default virtual host, recovered queues bring it back', () => {
  const rows = new Map<string, string>()
  makeSound(rows, [3])
  assert.deepEqual([...rows.keys()], ['queue/%2F/recovered.3', 'vhost/%2F'])
})
