import type { Observation } from '../engine/observation.ts'
import type { Touched } from './fan-out.ts'

/** The registers that a batch of observations speaks of. */
export function touchedBy(observations: readonly Observation[]): Touched {
  const touched = new Map<string, Map<string, Set<string> | 'all'>>()
  for (const o of observations) {
    const keys = touched.get(o.table) ?? new Map<string, Set<string> | 'all'>()
    touched.set(o.table, keys)
    const known = keys.get(o.key)
    if (o.kind !== 'fields' || known === 'all') keys.set(o.key, 'all')
    else {
      const registers = known ?? new Set<string>()
      for (const column of Object.keys(o.values)) registers.add(column)
      for (const column of Object.keys(o.extra ?? {})) registers.add(`+${column}`)
      keys.set(o.key, registers)
    }
  }
  return touched
}
