import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Catalog } from '../../../src/core/catalog.ts'
import { type SideLogOwner, SideLogs } from '../../../src/core/side-logs.ts'
import { MemoryMetadataStore } from '../../../src/store/memory/memory-metadata-store.ts'
import { PagingStore } from '../../support/paging-store.ts'

const OWNER: SideLogOwner = { kind: 'exchange', name: 'late / later', durable: true }

function setUp() {
  const metadata = new MemoryMetadataStore()
  const catalog = new Catalog(metadata)
  const store = new PagingStore()
  let lastId = 0
  const make = (): SideLogs => new SideLogs({ vhost: '/', store, catalog, nextLogId: () => ++lastId })
  const stored = async (): Promise<[string[], unknown][]> => {
    await metadata.commit()
    return (await catalog.load()).get('side-log') ?? []
  }
  return { store, make, stored }
}

test('an owner has one log for each purpose', async () => {
  const { make, stored } = setUp()
  const logs = make()
  const one = logs.open(OWNER, 'delayed')
  assert.equal(logs.open(OWNER, 'delayed'), one)
  assert.notEqual(logs.open(OWNER, 'seen'), one)
  assert.notEqual(logs.open({ ...OWNER, kind: 'queue' }, 'delayed'), one)
  assert.deepEqual(await stored(), [
    [['/', 'exchange', 'late / later', 'delayed'], { id: 1 }],
    [['/', 'exchange', 'late / later', 'seen'], { id: 2 }],
    [['/', 'queue', 'late / later', 'delayed'], { id: 3 }],
  ])
})

test('a durable one is found again, another is not', async () => {
  const { make, stored } = setUp()
  const before = make()
  before.open(OWNER, 'delayed')
  before.open({ ...OWNER, name: 'gone at the end', durable: false }, 'delayed')
  const rows = await stored()
  assert.equal(rows.length, 1)
  const after = make()
  for (const [[, kind, name, purpose], value] of rows) after.restore(kind!, name!, purpose!, value as { id: number })
  assert.ok(after.has(OWNER, 'delayed'))
  assert.ok(!after.has(OWNER, 'seen'))
  after.deleteUnclaimed()
  assert.ok(!after.has(OWNER, 'delayed'), 'nobody opened it')
  assert.deepEqual(await stored(), [])
})

test('it goes with what is in it', async () => {
  const { make, stored, store } = setUp()
  const logs = make()
  logs.open(OWNER, 'delayed')
  logs.delete(OWNER, 'delayed')
  assert.deepEqual(await stored(), [])
  assert.deepEqual([...store.logs], [])
  logs.delete(OWNER, 'delayed')
  assert.ok(!logs.has(OWNER, 'delayed'))
})
