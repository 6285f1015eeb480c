import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type PermissionChange, Permissions, refusalText } from '../../src/core/permissions.ts'

const permit = (user: string, vhost: string, configure = '.*', write = '.*', read = '.*') => ({
  user,
  vhost,
  configure,
  write,
  read,
})

const permitTopic = (user: string, vhost: string, exchange: string, write = '.*', read = '.*') => ({
  user,
  vhost,
  exchange,
  write,
  read,
})

describe('permissions', () => {
  it('allow nothing without a row', () => {
    const permissions = new Permissions()
    permissions.set(permit('u', '/'))
    assert.equal(permissions.hasAccess('u', 'other'), false)
    assert.equal(permissions.hasAccess('other', '/'), false)
    assert.equal(permissions.allows('other', '/', 'read', 'q'), false)
    assert.equal(permissions.allows('u', 'other', 'read', 'q'), false)
    assert.equal(permissions.hasAccess('u', '/'), true)
    assert.equal(permissions.allows('u', '/', 'read', 'q'), true)
  })

  it('search names with unanchored patterns, one for each verb', () => {
    const permissions = new Permissions()
    permissions.set(permit('u', '/', '^own-', 'shared', '^(own-.*|amq\\.topic)$'))
    const allowed = (name: string): string =>
      (['configure', 'write', 'read'] as const).filter((verb) => permissions.allows('u', '/', verb, name)).join()
    assert.equal(allowed('own-1'), 'configure,read')
    assert.equal(allowed('my-shared-queue'), 'write')
    assert.equal(allowed('amq.topic'), 'read')
    assert.equal(allowed('amqXtopic'), '')
  })

  it('allow no name with an empty pattern', () => {
    const permissions = new Permissions()
    permissions.set(permit('u', '/', '', '', ''))
    assert.equal(permissions.hasAccess('u', '/'), true)
    assert.equal(permissions.allows('u', '/', 'configure', 'q'), false)
    assert.equal(permissions.allows('u', '/', 'write', ''), false)
  })

  it('know the default exchange as amq.default', () => {
    const permissions = new Permissions()
    permissions.set(permit('u', '/', '', '^amq\\.default$', '^$'))
    assert.equal(permissions.allows('u', '/', 'write', ''), true)
    assert.equal(permissions.allows('u', '/', 'read', ''), false)
  })

  it('keep the old row when a pattern is invalid', () => {
    const permissions = new Permissions()
    permissions.set(permit('u', '/', '^a'))
    const version = permissions.version
    assert.throws(() => permissions.set(permit('u', '/', '.*', '(', '')), { message: '{"missing )",1}' })
    assert.throws(() => permissions.setTopic(permitTopic('u', '/', 'x', '[')), { name: 'PatternError' })
    assert.equal(permissions.get('u', '/')?.configure, '^a')
    assert.equal(permissions.getTopic('u', '/', 'x'), undefined)
    assert.equal(permissions.version, version)
  })

  it('are listed as they were set', () => {
    const permissions = new Permissions()
    const rows = [permit('a', '/'), permit('a', 'v', '', '', 'x'), permit('b', 'v')]
    for (const row of rows) permissions.set(row)
    assert.deepEqual(permissions.list(), rows)
    assert.deepEqual(permissions.list({ user: 'a' }), rows.slice(0, 2))
    assert.deepEqual(permissions.list({ vhost: 'v' }), rows.slice(1))
    assert.deepEqual(permissions.list({ user: 'b', vhost: '/' }), [])
    const topics = [permitTopic('a', '/', 'x'), permitTopic('a', '/', 'y', 'w', ''), permitTopic('b', 'v', 'x')]
    for (const row of topics) permissions.setTopic(row)
    assert.deepEqual(permissions.listTopics(), topics)
    assert.deepEqual(permissions.listTopics({ user: 'a' }), topics.slice(0, 2))
    assert.deepEqual(permissions.listTopics({ vhost: 'v' }), topics.slice(2))
    assert.deepEqual(permissions.getTopic('a', '/', 'y'), topics[1])
  })

  it('go with their user or their vhost', () => {
    const permissions = new Permissions()
    for (const user of ['a', 'b']) {
      for (const vhost of ['/', 'v']) {
        permissions.set(permit(user, vhost))
        permissions.setTopic(permitTopic(user, vhost, 'x'))
      }
    }
    permissions.clearUser('a')
    assert.deepEqual(permissions.list(), [permit('b', '/'), permit('b', 'v')])
    assert.deepEqual(permissions.listTopics(), [permitTopic('b', '/', 'x'), permitTopic('b', 'v', 'x')])
    permissions.clearVhost('/')
    assert.deepEqual(permissions.list(), [permit('b', 'v')])
    assert.deepEqual(permissions.listTopics(), [permitTopic('b', 'v', 'x')])
  })

  it('tell of every change, and count it', () => {
    const permissions = new Permissions()
    const changes: PermissionChange[] = []
    permissions.onChange((change) => changes.push(change))
    permissions.set(permit('u', '/'))
    permissions.setTopic(permitTopic('u', '/', 'x'))
    permissions.setTopic(permitTopic('u', '/', 'y'))
    assert.equal(permissions.clearTopic('u', '/', 'x'), true)
    assert.equal(permissions.clearTopic('u', '/', 'x'), false)
    assert.equal(permissions.clearTopic('u', '/'), true)
    assert.equal(permissions.clear('u', '/'), true)
    assert.equal(permissions.clear('u', '/'), false)
    const topic = { kind: 'topicPermission', user: 'u', vhost: '/' } as const
    assert.deepEqual(changes, [
      { kind: 'permission', user: 'u', vhost: '/', value: permit('u', '/') },
      { ...topic, exchange: 'x', value: permitTopic('u', '/', 'x') },
      { ...topic, exchange: 'y', value: permitTopic('u', '/', 'y') },
      { ...topic, exchange: 'x', value: null },
      { ...topic, exchange: 'y', value: null },
      { kind: 'permission', user: 'u', vhost: '/', value: null },
    ])
    assert.equal(permissions.version, 6)
  })
})

describe('topic permissions', () => {
  it('allow every routing key without a row', () => {
    const permissions = new Permissions()
    permissions.setTopic(permitTopic('u', '/', 'x', '', ''))
    assert.equal(permissions.allowsTopic('u', '/', 'y', 'write', 'a'), true)
    assert.equal(permissions.allowsTopic('u', 'v', 'x', 'write', 'a'), true)
    assert.equal(permissions.allowsTopic('other', '/', 'x', 'write', 'a'), true)
  })

  it('search routing keys, and allow only an empty one with an empty pattern', () => {
    const permissions = new Permissions()
    permissions.setTopic(permitTopic('u', '/', 'x', '^logs\\.', ''))
    assert.equal(permissions.allowsTopic('u', '/', 'x', 'write', 'logs.a'), true)
    assert.equal(permissions.allowsTopic('u', '/', 'x', 'write', 'other'), false)
    assert.equal(permissions.allowsTopic('u', '/', 'x', 'read', 'logs.a'), false)
    assert.equal(permissions.allowsTopic('u', '/', 'x', 'read', ''), true)
  })

  it('put in user, vhost and client id', () => {
    const permissions = new Permissions()
    permissions.setTopic(permitTopic('u', 'v', 'x', '^{vhost}\\.{username}\\.{client_id}\\.{client_id}$'))
    const allowed = (key: string, clientId?: string): boolean =>
      permissions.allowsTopic('u', 'v', 'x', 'write', key, clientId === undefined ? {} : { client_id: clientId })
    assert.equal(allowed('v.u.c1.c1', 'c1'), true)
    assert.equal(allowed('v.u.c1.c1', 'c2'), false)
    assert.equal(allowed('v.u.c1.c1'), false)
    assert.equal(allowed('v.u.{client_id}.{client_id}'), true)
  })

  it('take the values of variables literally', () => {
    const permissions = new Permissions()
    permissions.setTopic(permitTopic('a.*', '/', 'x', '^{username}-{client_id}$'))
    const allowed = (key: string, clientId: string): boolean =>
      permissions.allowsTopic('a.*', '/', 'x', 'write', key, { client_id: clientId })
    assert.equal(allowed('a.*-c', 'c'), true)
    assert.equal(allowed('abc-c', 'c'), false)
    assert.equal(allowed('a.*-anything', '.*|x'), false)
    assert.equal(allowed('a.*-{username}', '{username}'), true)
  })

  it('do not let a client pose as another user', () => {
    const permissions = new Permissions()
    permissions.setTopic(permitTopic('u', '/', 'x', '^{username}$'))
    assert.equal(permissions.allowsTopic('u', '/', 'x', 'write', 'admin', { username: 'admin' }), false)
  })

  it('allow nothing when a value makes the pattern invalid', () => {
    const permissions = new Permissions()
    permissions.setTopic(permitTopic('u', '/', 'x', '^(.*|\\c{client_id})'))
    const allowed = (clientId: string): boolean =>
      permissions.allowsTopic('u', '/', 'x', 'write', 'key', { client_id: clientId })
    assert.equal(allowed('x'), true)
    assert.equal(allowed(''), false) // the escape takes the bracket, which is then missing
  })

  it('take values that are longer than a pattern may be', () => {
    const permissions = new Permissions()
    permissions.setTopic(permitTopic('u', '/', 'x', '^{client_id}$'))
    const clientId = '.'.repeat(5000)
    assert.equal(permissions.allowsTopic('u', '/', 'x', 'write', clientId, { client_id: clientId }), true)
  })

  it('serve more clients than they remember patterns for', () => {
    const permissions = new Permissions()
    permissions.setTopic(permitTopic('u', '/', 'x', '^{client_id}$'))
    for (let i = 0; i < 5000; i++) {
      assert.equal(permissions.allowsTopic('u', '/', 'x', 'write', `c${i}`, { client_id: `c${i}` }), true)
    }
  })
})

describe('refusals', () => {
  it('name verb, resource, vhost and user', () => {
    assert.equal(
      refusalText('configure', 'queue', 'q', '/', 'u'),
      "configure access to queue 'q' in vhost '/' refused for user 'u'",
    )
    assert.equal(
      refusalText('write', 'exchange', 'x', 'v', 'u'),
      "write access to exchange 'x' in vhost 'v' refused for user 'u'",
    )
    assert.equal(
      refusalText('write', 'exchange', '', '/', 'u'),
      "write access to exchange 'amq.default' in vhost '/' refused for user 'u'",
    )
    assert.equal(
      refusalText('write', 'topic', 'a.b', '/', 'u', 'x'),
      "write access to topic 'a.b' in exchange 'x' in vhost '/' refused for user 'u'",
    )
  })
})
