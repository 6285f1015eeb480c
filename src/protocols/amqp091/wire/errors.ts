/** Bytes from a peer that cannot be understood. Always closes the connection; `offset` is into the buffer at hand. */
export class WireError extends Error {
  readonly offset: number

  constructor(text: string, offset: number) {
    super(text)
    this.offset = offset
  }
}

/** The framing itself is broken: frame type, size or end octet. */
export class FrameError extends WireError {
  override readonly name = 'FrameError'
}

/** The frame is sound, but a value in it is not: it overruns its container, is not UTF-8, or has an unknown type. */
export class MalformedValueError extends WireError {
  override readonly name = 'MalformedValueError'
}

/** A text that is not UTF-8. */
export class MalformedTextError extends MalformedValueError {}

/** No method has these ids. */
export class UnknownMethodError extends Error {
  override readonly name = 'UnknownMethodError'
  readonly classId: number
  readonly methodId: number

  constructor(classId: number, methodId: number) {
    super(`unknown method ${classId}/${methodId}`)
    this.classId = classId
    this.methodId = methodId
  }
}
