/** A 32-bit mix of numbers: chance that is the same for whoever asks again, without a stream to keep. */
export function hash(...parts: readonly number[]): number {
  let h = 0x9e3779b9
  for (const part of parts) {
    h = Math.imul(h ^ (part >>> 0), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13) ^ Math.floor(part / 4_294_967_296), 0xc2b2ae35)
    h ^= h >>> 16
  }
  return h >>> 0
}

/** As `hash`, between 0 and 1. */
export function share(...parts: readonly number[]): number {
  return hash(...parts) / 4_294_967_296
}

export function uuidOf(...parts: readonly number[]): string {
  const digits = [1, 2, 3, 4]
    .map((n) =>
      hash(n, ...parts)
        .toString(16)
        .padStart(8, '0'),
    )
    .join('')
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20, 32)}`
}
