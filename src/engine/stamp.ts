/**
 * A stamp orders two observations of the same register: by the vendor's time, then by when we saw it, then by its
 * arrival number. It is kept as one fixed-width string, so that SQL (collate "C") and TypeScript compare it alike
 * and Postgres can hold it in one column.
 */
export interface StampParts {
  /** Microseconds since 1970 on the vendor's clock. */
  readonly at: number
  /** Microseconds since 1970 on the database's clock, when it was received or its fetch began. */
  readonly seen: number
  /** Arrival number from the sequence lockstep.arrival. */
  readonly n: number
}

/** 14 + 14 + 12 hexadecimal digits: `at`, `seen`, `n`. */
export type Stamp = string & { readonly __stamp: true }

/** Ranks below every observation: the stamp of a register that nobody has observed. */
export const NEVER = '' as Stamp

const TIME_DIGITS = 14
const COUNT_DIGITS = 12

/** The rows of a page, and all that one event says, arrived together. */
let arrived = { seen: -1, n: -1, text: '' }

/** Encodes a stamp. Throws a RangeError for a negative, fractional or too large part: a programmer's error. */
export function stamp({ at, seen, n }: StampParts): Stamp {
  if (arrived.seen !== seen || arrived.n !== n)
    arrived = { seen, n, text: fixed(seen, TIME_DIGITS, 'seen') + fixed(n, COUNT_DIGITS, 'n') }
  return (fixed(at, TIME_DIGITS, 'at') + arrived.text) as Stamp
}

/** The parts of a stamp; all zero for NEVER. */
export function parseStamp(value: Stamp): StampParts {
  if (value === NEVER) return { at: 0, seen: 0, n: 0 }
  return {
    at: Number.parseInt(value.slice(0, TIME_DIGITS), 16),
    seen: Number.parseInt(value.slice(TIME_DIGITS, 2 * TIME_DIGITS), 16),
    n: Number.parseInt(value.slice(2 * TIME_DIGITS), 16),
  }
}

/**
 * The bound that decides whether a vendor's "unchanged since" needs writing: a stored stamp at or above it was
 * made after that moment. Only the time part, so it sorts below every stamp of the same microsecond.
 */
export function stampFloor(at: number): Stamp {
  return fixed(Math.max(0, at), TIME_DIGITS, 'at') as Stamp
}

const LOW_DIGITS = 7
const LOW = 16 ** LOW_DIGITS

function fixed(value: number, digits: number, part: string): string {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(`stamp: ${part} must be a whole number of at least 0, got ${value}`)
  }
  // Small integers are written many times as fast as large ones.
  const hex =
    Math.floor(value / LOW)
      .toString(16)
      .padStart(digits - LOW_DIGITS, '0') + (value % LOW).toString(16).padStart(LOW_DIGITS, '0')
  if (hex.length > digits) throw new RangeError(`stamp: ${part} ${value} needs more than ${digits} digits`)
  return hex
}
