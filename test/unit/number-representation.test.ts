import { equal } from 'node:assert/strict'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInThisContext } from 'node:vm'
import { offsetOf, locationOf } from '../../src/store/journal/format.ts'
import { joinU64 } from '../../src/util/uint64.ts'
import { WIDE_ZERO } from '../../src/util/wide-zero.ts'

setFlagsFromString('--allow-natives-syntax')
// what V8 keeps a number as is not to be seen from the language
const isSmallInteger = runInThisContext('(number) => %IsSmi(number)') as (number: number) => boolean

test('a wide zero is zero, and no small integer', () => {
  equal(WIDE_ZERO, 0)
  equal(isSmallInteger(WIDE_ZERO), false)
  equal(isSmallInteger(0), true)
})

test('64 bits that fit in 31 are a small integer', () => {
  equal(joinU64(0, 1024), 1024)
  equal(isSmallInteger(joinU64(0, 1024)), true)
  equal(joinU64(1, 2), 0x1_0000_0002)
  equal(joinU64(0, 0xffff_ffff), 0xffff_ffff)
})

test('an offset in a segment is a small integer', () => {
  const location = locationOf(7, 64 * 1024 * 1024)
  equal(offsetOf(location), 64 * 1024 * 1024)
  equal(isSmallInteger(offsetOf(location)), true)
  equal(offsetOf(locationOf(7, 0x9000_0000)), 0x9000_0000)
})
