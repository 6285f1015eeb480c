import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BinaryHeap } from '../../src/util/binary-heap.ts'

const drain = <T>(heap: BinaryHeap<T>): T[] => {
  const out: T[] = []
  for (let item = heap.pop(); item !== undefined; item = heap.pop()) out.push(item)
  return out
}

test('an empty heap has nothing to give', () => {
  const heap = new BinaryHeap<number>((a, b) => a - b)
  assert.equal(heap.size, 0)
  assert.equal(heap.peek(), undefined)
  assert.equal(heap.pop(), undefined)
  assert.equal(heap.size, 0)
})

test('items come out in order', () => {
  const heap = new BinaryHeap<number>((a, b) => a - b)
  for (const item of [5, 3, 9, 1, 1, 7, 2]) heap.push(item)
  assert.equal(heap.size, 7)
  assert.equal(heap.peek(), 1)
  assert.deepEqual(drain(heap), [1, 1, 2, 3, 5, 7, 9])
})

test('the comparator decides the order', () => {
  const heap = new BinaryHeap<string>((a, b) => b.localeCompare(a))
  for (const item of ['b', 'c', 'a']) heap.push(item)
  assert.deepEqual(drain(heap), ['c', 'b', 'a'])
})

test('retain keeps the order of what is left', () => {
  const heap = new BinaryHeap<number>((a, b) => a - b)
  for (let i = 0; i < 100; i++) heap.push((i * 37) % 100)
  heap.retain((item) => item % 3 === 0)
  assert.equal(heap.size, 34)
  heap.push(-1)
  assert.deepEqual(drain(heap), [-1, ...Array.from({ length: 34 }, (_, i) => i * 3)])
})

test('clear leaves a heap that can be used again', () => {
  const heap = new BinaryHeap<number>((a, b) => a - b)
  heap.push(1)
  heap.clear()
  assert.equal(heap.size, 0)
  heap.push(2)
  assert.equal(heap.pop(), 2)
})
