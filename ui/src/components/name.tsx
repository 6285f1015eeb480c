import type { ComponentChildren } from 'preact'
import './name.css'

/** Most names: nothing in them that is not seen, and short enough for any column. */
const PLAIN = /^[!-~]+( [!-~]+)*$/
const SHORT = 24

/** What is not seen, or changes how the rest is: controls, marks of direction, spaces other than a single one within the text. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115f\u1160\u2800\u3164]|(?! )\p{Zs}|^ | $| (?= )/gu

/**
 * A name as it is, so that two different ones look different: what is not seen has a mark. A mark is drawn and no text, so that
 * what is copied is the name.
 */
export function Name({ of: text }: { readonly of: string }) {
  const isShort = text.length <= SHORT
  if (isShort && PLAIN.test(text)) return <>{text}</>
  return <bdi class={isShort ? undefined : 'name-long'}>{withMarks(text)}</bdi>
}

function withMarks(text: string): ComponentChildren {
  const parts: ComponentChildren[] = []
  let end = 0
  for (const { 0: character, index } of text.matchAll(UNSEEN)) {
    parts.push(
      text.slice(end, index),
      <span class="name-mark" data-mark={markOf(character)}>
        {character}
      </span>,
    )
    end = index + character.length
  }
  return end === 0 ? text : [...parts, text.slice(end)]
}

const markOf = (character: string): string =>
  character === ' ' ? '·' : `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
