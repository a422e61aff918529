import type { Json, Value } from '../engine/observation.ts'
import type { ColumnType } from './table-spec.ts'

/**
 * A value as the text that Postgres reads for that type. Postgres holds neither NUL nor half a surrogate pair in
 * text or jsonb, and one such character must not poison a batch: the first is left out, the second becomes U+FFFD.
 */
export function encode(value: Value | undefined, type: ColumnType): string | null {
  if (value === null || value === undefined) return null
  if (type === 'jsonb') return encodeJson(value)
  if (type === 'text[]') return encodeArray(Array.isArray(value) ? value : [String(value)])
  return storable(typeof value === 'object' ? JSON.stringify(value) : String(value))
}

/** JSON text that jsonb accepts. */
export function encodeJson(value: Json): string {
  const text = JSON.stringify(value)
  return /\\u(?:0000|d[89ab])/i.test(text) ? JSON.stringify(storableJson(value)) : text
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

function encodeArray(items: readonly unknown[]): string {
  const quoted = items.map((item) => {
    if (item === null || item === undefined) return 'NULL'
    return `"${storable(String(item)).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  })
  return `{${quoted.join(',')}}`
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
