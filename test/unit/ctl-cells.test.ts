import assert from 'node:assert/strict'
import { test } from 'node:test'
import { amqpTable, cellJson, cellText, keyedTable } from '../../src/cli/ctl/format/cell.ts'

const ARGUMENTS = { 'x-queue-type': 'quorum', n: 5, f: 1.5, b: true, none: null, list: [1, 'a'], table: { k: 'v' } }

test('arguments are shown in JSON as rabbitmqctl shows them, with their types', () => {
  assert.deepEqual(cellJson(amqpTable(ARGUMENTS)), [
    ['x-queue-type', 'longstr', 'quorum'],
    ['n', 'long', 5],
    ['f', 'double', 1.5],
    ['b', 'bool', true],
    ['none', 'void', 'undefined'],
    [
      'list',
      'array',
      [
        ['long', 1],
        ['longstr', 'a'],
      ],
    ],
    ['table', 'table', [['k', 'longstr', 'v']]],
  ])
  assert.deepEqual(cellJson(amqpTable([])), [])
})

test('what is no AMQP table has no types', () => {
  assert.deepEqual(cellJson(keyedTable({ 'max-length': 5 })), { 'max-length': 5 })
  assert.equal(cellText(keyedTable({ 'max-length': 5 })), '[{"max-length",5}]')
})
