/**
 * Arrays as parameters in Postgres's binary format. As text, every element is escaped here and parsed there, and bytes
 * are doubled to hexadecimal: for a batch of thousands that is most of the work. The statement must name the type
 * (`$1::text[]`), since a Buffer alone does not tell it.
 */

/** Dimensions, whether there are nulls, the elements' type, then the one dimension's length and lower bound. */
const HEADER_BYTES = 20
const OIDS = { bytea: 17, int8: 20, text: 25 } as const
const NULL = -1
/** What one large batch needed is not kept. */
const SCRATCH_MAX = 4 << 20

/** For `$n::text[]`. Throws nothing; what text cannot hold (NUL) is Postgres's to refuse. */
export const textArray = (items: readonly (string | null)[]): Buffer => encodeArray(OIDS.text, items)

/** For `$n::bytea[]`. */
export const byteaArray = (items: readonly Uint8Array[]): Buffer => encodeArray(OIDS.bytea, items)

/** For `$n::bigint[]`, of whole numbers up to 2^53. */
export function bigintArray(items: readonly number[]): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + items.length * 12)
  writeHeader(buffer, OIDS.int8, items.length)
  let offset = HEADER_BYTES
  for (const item of items) {
    offset = buffer.writeInt32BE(8, offset)
    offset = buffer.writeInt32BE(Math.floor(item / 2 ** 32), offset)
    offset = buffer.writeInt32BE(item | 0, offset)
  }
  return buffer
}

/** Strings are written here first: how long they are in UTF-8 is known when they are. */
let scratch = Buffer.allocUnsafeSlow(1 << 16)
const UTF8_MAX = 3

function encodeArray(oid: number, items: readonly (string | Uint8Array | null)[]): Buffer {
  let most = HEADER_BYTES
  for (const item of items)
    most += 4 + (item === null ? 0 : typeof item === 'string' ? item.length * UTF8_MAX : item.length)
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most)
  writeHeader(scratch, oid, items.length)
  let offset = HEADER_BYTES
  for (const item of items) {
    if (item === null) {
      offset = scratch.writeInt32BE(NULL, offset)
      continue
    }
    const length = typeof item === 'string' ? scratch.write(item, offset + 4) : item.length
    if (typeof item !== 'string') scratch.set(item, offset + 4)
    offset = scratch.writeInt32BE(length, offset) + length
  }
  const array = Buffer.from(scratch.subarray(0, offset))
  if (scratch.length > SCRATCH_MAX) scratch = Buffer.allocUnsafeSlow(1 << 16)
  return array
}

function writeHeader(buffer: Buffer, oid: number, length: number): void {
  buffer.writeInt32BE(1, 0)
  buffer.writeInt32BE(1, 4)
  buffer.writeInt32BE(oid, 8)
  buffer.writeInt32BE(length, 12)
  buffer.writeInt32BE(1, 16)
}
