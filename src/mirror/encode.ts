import { encodeJson, storable } from '../db/storable.ts'
import { type Json, jsonText, type Value } from '../engine/observation.ts'
import type { ColumnType } from './table-spec.ts'

/** A value as the text that Postgres reads for that type. */
export function encode(value: Value | undefined, type: ColumnType): string | null {
  if (value === null || value === undefined) return null
  if (type === 'jsonb') return encodeJson(value)
  if (type === 'text[]') return encodeArray(Array.isArray(value) ? value : [jsonText(value)])
  return storable(jsonText(value))
}

function encodeArray(items: readonly Json[]): string {
  const quoted = items.map((item) => {
    if (item === null || item === undefined) return 'NULL'
    return `"${storable(jsonText(item)).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
  })
  return `{${quoted.join(',')}}`
}
