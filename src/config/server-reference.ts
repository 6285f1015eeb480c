import { type OptionType, text } from './option-types.ts'

// `host`, `host:1883`, `[::1]` or `[::1]:1883`, as MQTT 5.0 recommends (4.11).
const REFERENCE = /^(?:\[[^\s\p{Cc}\]]+\]|[^\s\p{Cc}:[\]]+)(?::(\d{1,5}))?$/u
/** Of any text in a packet. */
const BYTES_MAX = 65_535

/** Servers that a client may go to. */
export const serverReference: OptionType<string> = {
  ...text,
  hint: 'HOST[:PORT]…',
  parse(value) {
    const references = value.trim().split(/ +/)
    for (const reference of references) {
      const [found, port] = REFERENCE.exec(reference) ?? []
      if (found === undefined || (port !== undefined && (Number(port) === 0 || Number(port) > 65_535)))
        throw new Error(
          'is not a list of servers (such as mqtt-2.example.org:1883 [fe80::1]:8883), with a space between two',
        )
    }
    const list = references.join(' ')
    if (Buffer.byteLength(list) > BYTES_MAX) throw new Error(`is longer than ${BYTES_MAX} bytes`)
    return list
  },
}
