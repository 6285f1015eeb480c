/**
 * Zero as a double, for fields that begin with 0 and grow beyond 2^31, such as counts of bytes. V8 keeps a field that has had small integers
 * alone as one. The first larger number has it make new hidden classes for all objects of the class, and throw away the compiled code that knew
 * the old ones, in the midst of the traffic; some of it may be compiled again for the worse.
 */
export const WIDE_ZERO: number = Number('0.5') - 0.5
