import type { Random } from '../../monday/world/random.ts'

/** The same JSON with the keys of every object in another order. */
export function shuffleKeys(value: unknown, random: Random): unknown {
  if (Array.isArray(value)) return value.map((item) => shuffleKeys(item, random))
  if (typeof value !== 'object' || value === null) return value
  const entries = random.shuffle(Object.entries(value))
  return Object.fromEntries(entries.map(([key, item]) => [key, shuffleKeys(item, random)]))
}
