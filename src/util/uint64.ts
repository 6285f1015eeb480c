const TWO_32 = 0x1_0000_0000

/**
 * An unsigned integer of 64 bits from its halves; exact up to 2^53. What fits in 32 bits stays a small integer for V8: a product with 2^32 is a
 * double even where it is 0, and so would be what is added to it, and every field that it gets to.
 */
export const joinU64 = (high: number, low: number): number => (high === 0 ? low : high * TWO_32 + low)
