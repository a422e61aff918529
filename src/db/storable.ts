import type { Json } from '../engine/observation.ts'

/** jsonb's parser is recursive; far deeper than any vendor's payload it runs out of stack. */
const DEPTH_MAX = 200

/**
 * JSON text that jsonb accepts, or null where the value is nested too deep for it. Postgres holds neither NUL nor
 * half a surrogate pair: the first is left out, the second becomes U+FFFD.
 */
export function encodeJson(value: Json): string | null {
  if (typeof value !== 'object' || value === null) return encodeScalar(value)
  const text = JSON.stringify(value)
  // Each level takes two brackets: what is shorter cannot be too deep.
  if (text.length > 2 * DEPTH_MAX && depthExceeds(value, DEPTH_MAX)) return null
  return /\\u(?:0000|d[89a-f])/i.test(text) ? JSON.stringify(storableJson(value)) : text
}

function encodeScalar(value: string | number | boolean | null): string {
  return JSON.stringify(typeof value === 'string' ? storable(value) : value)
}

/** A JSON value without what jsonb refuses. */
export function storableJson(value: Json): Json {
  if (typeof value === 'string') return storable(value)
  if (Array.isArray(value)) return value.map(storableJson)
  if (exact.isRawJSON(value)) return value
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [storable(k), storableJson(v)]))
  }
  return value
}

/** A string without what text refuses. */
export function storable(text: string): string {
  const plain = text.includes('\u0000') ? text.replaceAll('\u0000', '') : text
  return plain.isWellFormed() ? plain : plain.toWellFormed()
}

/** Parses JSON and keeps each number as it was written: Postgres numerics are longer than a double. */
export function parseExact(text: string): Record<string, Json> {
  const keepSource = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && context?.source !== undefined && String(value) !== context.source
      ? exact.rawJSON(context.source)
      : value
  return JSON.parse(text, keepSource) as Record<string, Json>
}

// ES2025; TypeScript's library does not declare it yet.
const exact = JSON as unknown as { rawJSON(source: string): unknown; isRawJSON(value: unknown): boolean }

function depthExceeds(value: Json, max: number): boolean {
  let level: Json[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > max) return true
    level = level.flatMap((v) => (typeof v === 'object' && v !== null ? Object.values(v) : []))
  }
  return false
}
