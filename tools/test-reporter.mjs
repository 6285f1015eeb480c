// node's own spec reporter, with the skipped tests listed by name just before its closing counts: a test that did not
// run because a client library is missing should not go unnoticed among hundreds that did.
import { relative } from 'node:path'
import { spec } from 'node:test/reporters'

// oxlint-disable-next-line import/no-default-export -- what --test-reporter asks for
export default async function* report(events) {
  const reporter = new spec()
  const skipped = []
  let listed = false
  for await (const event of events) {
    if (event.type === 'test:pass' && typeof event.data.skip === 'string') skipped.push(event.data)
    if (!listed && isClosing(event)) {
      listed = true
      yield list(skipped)
    }
    reporter.write(event) // a transform that answers at once with what it prints, if anything
    yield* printed(reporter)
  }
  reporter.end()
  yield* reporter
}

function* printed(reporter) {
  for (let chunk = reporter.read(); chunk !== null; chunk = reporter.read()) yield chunk
}

/** The closing block begins with the number of tests, as a diagnostic that belongs to no file. */
function isClosing({ type, data }) {
  return type === 'test:diagnostic' && data.file === undefined && /^tests \d+$/.test(data.message)
}

function list(skipped) {
  if (skipped.length === 0) return '\n'
  const lines = skipped.map(
    ({ name, file, skip }) => `  ${name} (${relative(process.cwd(), file ?? '')})${skip === '' ? '' : `: ${skip}`}`,
  )
  return `\nSkipped:\n${lines.join('\n')}\n\n`
}
