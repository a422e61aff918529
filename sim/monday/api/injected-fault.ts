import type { Faults } from '../faults.ts'
import type { Random } from '../world/random.ts'
import { internalError, type Rejection } from './errors.ts'
import { type ErrorShape, limitError, type LimitDetails, type LimitKind } from './limit-errors.ts'

const HTML_502 =
  '<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>'

const LIMIT_KNOBS = [
  'http429',
  'complexity',
  'minuteRate',
  'concurrency',
  'daily',
  'fieldLimit',
  'ip',
] as const satisfies readonly LimitKind[]

export function shapeFor(faults: Faults, apiVersion: string): ErrorShape {
  if (faults.errorShape !== 'auto') return faults.errorShape
  if (apiVersion < '2025-01') return 'legacy'
  return apiVersion < '2025-07' ? '2025-01' : 'modern'
}

export type Injected = Rejection | 'timeout' | undefined

/** Draws whether this request fails on purpose, and how. */
export function injectFault(
  faults: Faults,
  random: Random,
  shape: ErrorShape,
  details: LimitDetails,
): Injected {
  for (const kind of LIMIT_KNOBS) if (random.chance(faults[kind])) return limitError(kind, shape, details)
  if (random.chance(faults.http500)) {
    const extensions = { code: 'INTERNAL_SERVER_ERROR' }
    return { status: 500, body: { errors: [{ message: 'Internal server error', extensions }] } }
  }
  if (random.chance(faults.html502)) return { status: 502, body: HTML_502 }
  if (random.chance(faults.internalError)) return internalError()
  return random.chance(faults.timeout) ? 'timeout' : undefined
}
