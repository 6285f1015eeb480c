import type { ArgumentGroup } from '../../components/arguments/argument-fields.tsx'
import { formTexts } from './form-texts.ts'
import type { Side } from './definition.ts'

/** What else an end can be told. */
export function endFields(side: Side): ArgumentGroup {
  const t = formTexts.value
  if (side === 'src') {
    return {
      title: t.sourceMore,
      fields: [
        { key: 'src-prefetch-count', kind: 'count', ...t.prefetch },
        { key: 'src-predeclared', kind: 'flag', ...t.predeclared },
      ],
    }
  }
  return {
    title: t.destinationMore,
    fields: [
      { key: 'dest-predeclared', kind: 'flag', ...t.predeclared },
      { key: 'dest-add-forward-headers', kind: 'flag', ...t.forwardHeaders },
      { key: 'dest-add-timestamp-header', kind: 'flag', ...t.timestampHeader },
    ],
  }
}

/** Keys whose values are tables, and what they are called. */
export function tableFields(): readonly { readonly key: string; readonly label: string; readonly help?: string }[] {
  const t = formTexts.value
  return [
    { key: 'src-queue-args', label: t.queueArguments },
    { key: 'src-consumer-args', label: t.consumerArguments },
    { key: 'dest-queue-args', label: t.destinationArguments },
    { key: 'dest-publish-properties', label: t.properties, help: t.propertiesHelp },
  ]
}
