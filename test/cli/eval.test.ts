import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCtl } from '../../src/cli/ctl/run.ts'
import { startWarren } from '../support/warren-process.ts'
import { bufferTerminal } from './support/buffer-terminal.ts'

// Code is not run, but for what Puppet's module for RabbitMQ asks of each user that has a password.

test('eval tells whether a password is right, and runs nothing else', async (t) => {
  const warren = await startWarren(t)
  const ctl = async (...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> => {
    const terminal = bufferTerminal()
    const host = { version: '0.0.0', describeNode: () => assert.fail('the address was given'), commands: () => [] }
    const code = await runCtl('ctl', ['--url', warren.url('HTTP'), ...args], host, terminal)
    return { code, stdout: terminal.stdout, stderr: terminal.stderr }
  }
  const check = async (user: string, password: string): Promise<string> => {
    const { code, stdout, stderr } = await ctl(
      'eval',
      `rabbit_access_control:check_user_pass_login(${user}, ${password}).`,
    )
    assert.equal(code, 0, stderr)
    return stdout
  }
  await ctl('add_user', 'ann', 's3"cret')
  await ctl('set_user_tags', 'ann', 'monitoring', 'policymaker')
  await ctl('add_user', 'bob', 'secret')

  const ann = '{ok,{user,<<"ann">>,[monitoring,policymaker],[{rabbit_auth_backend_internal,none}]}}\n'
  assert.equal(await check('list_to_binary("ann")', String.raw`list_to_binary("s3\"cret")`), ann)
  assert.equal(await check('<<"ann">>', String.raw`<<"s3\"cret"/utf8>>`), ann)
  assert.match(await check('list_to_binary("bob")', 'list_to_binary("secret")'), /^{ok,{user,<<"bob">>,\[\],/)
  const refused = '{refused,<<"ann">>,"user \'~ts\' - invalid credentials",[<<"ann">>]}\n'
  assert.equal(await check('list_to_binary("ann")', 'list_to_binary("wrong")'), refused)
  assert.match(await check('list_to_binary("nobody")', 'list_to_binary("wrong")'), /^{refused,<<"nobody">>,/)

  for (const expression of ['node().', 'rabbit_access_control:check_user_pass_login(Name, Password).']) {
    const { code, stdout, stderr } = await ctl('eval', expression)
    assert.equal(code, 69)
    assert.equal(stdout, '')
    assert.match(stderr, /eval is not possible: code is not run in the node/)
  }
})
