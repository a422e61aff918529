/**
 * Arrays as parameters in Postgres's binary format. As text, every element is escaped here and parsed there, and bytes
 * are doubled to hexadecimal: for a batch of thousands that is most of the work. The statement must name the type
 * (`$1::text[]`), since a Buffer alone does not tell it.
 */

/** Dimensions, whether there are nulls, the elements' type, then the one dimension's length and lower bound. */
const HEADER_BYTES = 20
const OIDS = {
  boolean: 16,
  bytea: 17,
  bigint: 20,
  integer: 23,
  text: 25,
  'double precision': 701,
  date: 1082,
  timestamptz: 1184,
} as const
const NULL = -1
/** What one large batch needed is not kept. */
const SCRATCH_MAX = 4 << 20

/** For `$n::text[]`. Throws nothing; what text cannot hold (NUL) is Postgres's to refuse. */
export const textArray = (items: readonly (string | null)[]): Buffer => encodeTexts(items)

/** For `$n::bytea[]`. */
export function byteaArray(items: readonly Uint8Array[]): Buffer {
  let length = HEADER_BYTES
  for (const item of items) length += 4 + item.length
  const buffer = Buffer.allocUnsafe(length)
  let offset = writeHeader(buffer, OIDS.bytea, items.length)
  for (const item of items) {
    offset = buffer.writeInt32BE(item.length, offset)
    buffer.set(item, offset)
    offset += item.length
  }
  return buffer
}

/** For `$n::bigint[]`, of whole numbers up to 2^53. */
export const bigintArray = (items: readonly (number | null)[]): Buffer =>
  encodeNumbers(OIDS.bigint, items, 8, writeInt64)

/** For `$n::integer[]`, of whole numbers up to 2^31. */
export const integerArray = (items: readonly (number | null)[]): Buffer =>
  encodeNumbers(OIDS.integer, items, 4, (buffer, item, at) => buffer.writeInt32BE(item, at))

/** For `$n::double precision[]`. */
export const doubleArray = (items: readonly (number | null)[]): Buffer =>
  encodeNumbers(OIDS['double precision'], items, 8, (buffer, item, at) => buffer.writeDoubleBE(item, at))

/** For `$n::boolean[]`, of 0 and 1. */
export const booleanArray = (items: readonly (number | null)[]): Buffer =>
  encodeNumbers(OIDS.boolean, items, 1, (buffer, item, at) => buffer.writeUInt8(item, at))

/** For `$n::date[]`, of days since 2000-01-01. */
export const dateArray = (items: readonly (number | null)[]): Buffer =>
  encodeNumbers(OIDS.date, items, 4, (buffer, item, at) => buffer.writeInt32BE(item, at))

/** For `$n::timestamptz[]`, of microseconds since 2000-01-01 00:00 UTC, up to 2^53. */
export const timestamptzArray = (items: readonly (number | null)[]): Buffer =>
  encodeNumbers(OIDS.timestamptz, items, 8, writeInt64)

/** An array in the text format, for any `$n::type[]`: Postgres reads each element as it reads a literal. */
export function arrayLiteral(items: readonly (string | null)[]): string {
  const quoted = items.map((item) =>
    item === null ? 'NULL' : `"${item.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
  )
  return `{${quoted.join(',')}}`
}

type Write = (buffer: Buffer, item: number, offset: number) => void

function encodeNumbers(oid: number, items: readonly (number | null)[], bytes: number, write: Write): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + items.length * (4 + bytes))
  let offset = writeHeader(buffer, oid, items.length)
  for (const item of items) {
    offset = buffer.writeInt32BE(item === null ? NULL : bytes, offset)
    if (item === null) continue
    write(buffer, item, offset)
    offset += bytes
  }
  return buffer.subarray(0, offset)
}

function writeInt64(buffer: Buffer, item: number, offset: number): void {
  buffer.writeInt32BE(Math.floor(item / 2 ** 32), offset)
  buffer.writeInt32BE(item | 0, offset + 4)
}

/** Strings are written here first: how long they are in UTF-8 is known when they are. */
let scratch = Buffer.allocUnsafeSlow(1 << 16)
const UTF8_MAX = 3

function encodeTexts(items: readonly (string | null)[]): Buffer {
  let most = HEADER_BYTES
  for (const item of items) most += 4 + (item === null ? 0 : item.length * UTF8_MAX)
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most)
  let offset = writeHeader(scratch, OIDS.text, items.length)
  for (const item of items) {
    if (item === null) {
      offset = scratch.writeInt32BE(NULL, offset)
      continue
    }
    const length = writeText(item, offset + 4)
    offset = scratch.writeInt32BE(length, offset) + length
  }
  const array = Buffer.from(scratch.subarray(0, offset))
  if (scratch.length > SCRATCH_MAX) scratch = Buffer.allocUnsafeSlow(1 << 16)
  return array
}

/** Up to here a loop is quicker than the call that writes any text. */
const SHORT = 64

/** How many bytes it took. */
function writeText(text: string, offset: number): number {
  const { length } = text
  if (length > SHORT) return scratch.write(text, offset)
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return scratch.write(text, offset)
    scratch[offset + i] = unit
  }
  return length
}

/** Where the elements begin. */
function writeHeader(buffer: Buffer, oid: number, length: number): number {
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(oid, 8)
  buffer.writeInt32BE(length, 12)
  return buffer.writeInt32BE(1, 16)
}
